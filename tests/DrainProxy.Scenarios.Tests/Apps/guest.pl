# Parts of a test in a virtual machine, in what every Debian has (perl-base).
#   up       the loopback interface
#   app      an HTTP server on port 3000: /keep takes 40 MiB and keeps them, /climb takes memory until it is killed
#   client   asks DrainProxy and the kernel, and tells "GUEST name value" on the console
use strict; use warnings; use Socket;
my $part = shift;
my ($pod, $climbs) = ('/sys/fs/cgroup/pod', '/tmp/climbs');
$| = 1;

sub pause { select undef, undef, undef, shift }

sub content { my ($file) = @_; open(my $in, '<', $file) or return ''; local $/; return scalar <$in> // '' }

sub put { my ($file, $text) = @_; open(my $out, '>', $file) or die "$file: $!"; syswrite $out, $text }

sub get {
    my ($port, $path) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or return '';
    connect($socket, sockaddr_in($port, INADDR_LOOPBACK)) or return '';
    syswrite $socket, "GET $path HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    my $answer = '';
    while (sysread $socket, my $piece, 65536) { $answer .= $piece }
    return $answer;
}

sub status { my ($answer) = @_; return $answer =~ m{^HTTP/1.1 ([0-9]+)} ? $1 : undef }

sub tell_of { my ($what, $value) = @_; print "GUEST $what ", $value // 'MISSING', "\n"; return $value }

# Waits until it is known.
sub soon {
    my ($what, $look) = @_;
    my $until = time + 120;
    my $seen;
    until (defined($seen = $look->()) || time > $until) { pause(0.2) }
    return tell_of($what, $seen);
}

# A member of /state, or a sample of /metrics.
sub state { my ($name) = @_; return get(9180, '/state') =~ /"$name":\s*("[^"]*"|-?[0-9.]+)/ ? $1 : undef }
sub own { my ($name) = @_; return get(9180, '/state') =~ /"own_memory":\{[^}]*"$name":\s*([0-9]+)/ ? $1 : undef }
sub sample { my ($name) = @_; return get(9180, '/metrics') =~ /^drainproxy_\Q$name\E (\S+)/m ? $1 : undef }
sub keyed { my ($file, $key) = @_; return content($file) =~ /^$key (\d+)/m ? $1 : 0 }

sub client {
    soon('method', sub { my $m = state('method') // ''; return $m eq '"cgroup"' ? $m : undef });
    tell_of($_, state($_)) for qw(source limit_bytes);
    tell_of('own_limit_bytes', own('limit_bytes'));
    tell_of('light', status(get(8080, '/')));
    put("$pod/app/memory.max", '150M');
    soon('own_limit_of_app', sub { my $l = state('limit_bytes') // 0; return $l == 150 << 20 ? $l : undef });

    my $before = state('used_bytes') // 0;
    get(8080, '/keep');
    soon('grown_bytes', sub { my $g = (state('used_bytes') // 0) - $before; return $g > 38 << 20 ? $g : undef });
    # The kernel's own figures beside ours, at rest. What decides nothing is read twice a second.
    pause(1.2);
    my $stat = "$pod/app/memory.stat";
    tell_of('used_bytes', state('used_bytes'));
    tell_of('stat_bytes', keyed($stat, 'anon') + keyed($stat, 'shmem') + keyed($stat, 'sock') + keyed($stat, 'kernel') - keyed($stat, 'slab_reclaimable'));
    tell_of('charged_bytes', state('charged_bytes'));
    tell_of('current_bytes', content("$pod/app/memory.current") + 0);

    tell_of('climb', status(get(8080, '/climb')));
    soon('oom_kills', sub { my $k = sample('app_oom_kills_total') // 0; return $k > 0 ? $k : undef });
    tell_of('kernel_kills', keyed("$pod/app/memory.events", 'oom_kill'));
    soon('again', sub { my $s = status(get(8080, '/')) // 0; return $s == 200 ? $s : undef });
    soon('event', sub { return content('/tmp/log') =~ /^(\{.*"event":"app_oom_kill".*\})$/m ? $1 : undef });
    tell_of('climbs', length content($climbs));
    tell_of('low_headroom_bytes', sample('memory_headroom_low_bytes'));
    pause(1);
    tell_of('stalled_s', sample('app_memory_stalled_seconds_total{kind="some"}'));
    tell_of('pressure_us', content("$pod/app/memory.pressure") =~ /^some .*total=(\d+)/m ? $1 : undef);
    tell_of('by_cgroup', sample('memory_source{method="cgroup"}'));
    print "GUEST end 1\n";
    put('/proc/sysrq-trigger', 'o');
    sleep 60;
}

sub app {
    socket(my $listener, PF_INET, SOCK_STREAM, 0) or die;
    setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, 1);
    bind($listener, sockaddr_in(3000, INADDR_LOOPBACK)) or die "bind: $!";
    listen($listener, 64);
    my @kept;
    while (accept(my $socket, $listener)) {
        sysread $socket, my $request, 65536;
        next unless defined $request && length $request;
        if ($request =~ m{^GET /keep }) { push @kept, 'x' x (40 << 20) }
        if ($request =~ m{^GET /climb }) {
            open(my $count, '>>', $climbs); syswrite $count, 'x';
            while (1) { push @kept, 'x' x (4 << 20); pause(0.1) }
        }
        syswrite $socket, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
        close $socket;
    }
}

sub up {
    socket(my $socket, PF_INET, SOCK_DGRAM, 0) or die;
    # SIOCSIFFLAGS, IFF_UP | IFF_RUNNING
    my $request = pack('a16 s x22', 'lo', 0x41);
    ioctl($socket, 0x8914, $request) or die "lo: $!";
}

({ up => \&up, app => \&app, client => \&client }->{$part})->();
