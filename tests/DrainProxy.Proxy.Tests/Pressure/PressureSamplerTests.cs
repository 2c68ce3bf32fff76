using System.Diagnostics;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using DrainProxy.Proxy.Tests.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Pressure;

/// <summary>The sampler over a folder with the files of a version 2 cgroup, turned by hand.</summary>
public sealed class PressureSamplerTests : IDisposable
{
    private const long MiB = 1 << 20;
    private static readonly AppAddress Nowhere = new(AppScheme.Unix, "", 0, "/none");
    private readonly string folder = Directory.CreateTempSubdirectory("drainproxy-").FullName;
    private readonly ManualTime time = new();
    private long inFlight;
    private bool watched;

    public PressureSamplerTests()
    {
        Write("memory.max", "max");
        Use(100);
        Kills(0);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void Nothing_is_known_before_the_first_reading_and_all_of_it_after()
    {
        Write("memory.max", $"{300 * MiB}");
        using var sampler = Sampler();
        Assert.Equal((MemoryMethod.None, long.MaxValue, int.MaxValue), (sampler.Latest.Method, sampler.Latest.LimitBytes, sampler.Latest.DescriptorsLeft));
        sampler.Look();
        Assert.Equal((MemoryMethod.Cgroup, 100 * MiB, 300 * MiB, 200 * MiB), (sampler.Latest.Method, sampler.Latest.UsedBytes, sampler.Latest.LimitBytes, sampler.Latest.HeadroomBytes));
        Assert.Equal(folder, sampler.Newest.Source);
    }

    [Fact]
    public void With_work_it_reads_every_10_ms_and_a_while_longer()
    {
        Write("memory.max", $"{1000 * MiB}");
        using var sampler = Sampler();
        Assert.Equal(SamplingPace.Idle, Advance(sampler, TimeSpan.Zero));
        inFlight = 1;
        Assert.Equal(SamplingPace.Busy, Advance(sampler, SamplingPace.Idle));
        inFlight = 0;
        Assert.Equal(SamplingPace.Busy, Advance(sampler, SamplingPace.Busy));
        Assert.Equal(SamplingPace.Idle, Advance(sampler, SamplingPace.Afterglow));
    }

    [Fact]
    public void With_light_work_alone_it_reads_by_what_is_free_and_every_10_ms_as_soon_as_more_is_there()
    {
        Write("memory.max", $"{2000 * MiB}");
        using var sampler = Sampler(isWatched: () => watched);
        inFlight = 1;
        // The first reading of all is growth from nothing.
        sampler.Look();
        var calm = Advance(sampler, SamplingPace.Afterglow);
        Assert.InRange(calm, SamplingPace.Busy * 5, SamplingPace.Busy * 7);
        watched = true;
        Assert.Equal(SamplingPace.Busy, Advance(sampler, calm));
        watched = false;
        Assert.Equal(SamplingPace.Busy, Advance(sampler, SamplingPace.Busy));
        Assert.Equal(calm, Advance(sampler, SamplingPace.Afterglow));
        Use(1900);
        Assert.Equal(SamplingPace.Busy, Advance(sampler, calm));
        Assert.Equal(SamplingPace.Busy, Advance(sampler, SamplingPace.Afterglow));
    }

    [Fact]
    public void A_request_that_may_take_memory_is_decided_by_a_reading_of_now()
    {
        Write("memory.max", $"{2000 * MiB}");
        var clock = new HandTimer();
        var memory = new AppMemory(new(MemorySourceKind.Cgroup, Path: folder), null, () => Nowhere, clock, NullLogger.Instance);
        inFlight = 1;
        using var sampler = new PressureSampler(memory, Sockets(memory), () => inFlight, _ => { }, () => clock.GetElapsedTime(0), clock, watched: () => watched);
        sampler.Start();
        clock.Fire();
        clock.Advance(SamplingPace.Afterglow);
        clock.Fire();
        Assert.True(clock.Due > SamplingPace.Busy);
        Use(300);
        clock.Advance(SamplingPace.Busy);
        sampler.Watch();
        Assert.Equal((300 * MiB, SamplingPace.Busy), (sampler.Latest.UsedBytes, clock.Due));
        // The others find readings that follow each other anyway.
        Use(400);
        sampler.Watch();
        Assert.Equal(300 * MiB, sampler.Latest.UsedBytes);
        clock.Advance(SamplingPace.Busy);
        clock.Fire();
        Assert.Equal((400 * MiB, SamplingPace.Busy), (sampler.Latest.UsedBytes, clock.Due));
    }

    [Fact]
    public void Where_readings_are_dear_or_no_limit_is_known_a_request_takes_none_itself()
    {
        var clock = new HandTimer();
        var memory = new AppMemory(new(MemorySourceKind.Cgroup, Path: folder), null, () => Nowhere, clock, NullLogger.Instance);
        inFlight = 1;
        using var sampler = new PressureSampler(memory, Sockets(memory), () => inFlight, _ => { }, () => clock.GetElapsedTime(0), clock, watched: () => watched);
        sampler.Start();
        clock.Fire();
        Use(300);
        sampler.Watch();
        Assert.Equal((100 * MiB, SamplingPace.Unbounded), (sampler.Latest.UsedBytes, clock.Due));
    }

    [Fact]
    public void The_first_request_after_a_rest_ends_its_pause()
    {
        Write("memory.max", $"{1000 * MiB}");
        var clock = new HandTimer();
        var counters = new ProxyCounters();
        var memory = new AppMemory(new(MemorySourceKind.Cgroup, Path: folder), null, () => Nowhere, clock, NullLogger.Instance);
        using var sampler = new PressureSampler(memory, Sockets(memory), () => counters.InFlight, counters.AwaitWork, () => clock.GetElapsedTime(0), clock);
        sampler.Start();
        Assert.Equal(TimeSpan.Zero, clock.Due);
        clock.Fire();
        Assert.Equal(SamplingPace.Idle, clock.Due);
        counters.RequestStarted();
        Assert.Equal(TimeSpan.Zero, clock.Due);
        clock.Fire();
        Assert.Equal(SamplingPace.Busy, clock.Due);
        // Nobody has to be told while readings follow each other anyway.
        counters.RequestStarted();
        Assert.Equal(SamplingPace.Busy, clock.Due);
    }

    [Fact]
    public void A_request_that_began_while_it_went_to_rest_is_seen()
    {
        var clock = new HandTimer();
        var memory = new AppMemory(new(MemorySourceKind.Cgroup, Path: folder), null, () => Nowhere, clock, NullLogger.Instance);
        using var sampler = new PressureSampler(memory, Sockets(memory), () => inFlight, _ => inFlight = 1, () => clock.GetElapsedTime(0), clock);
        sampler.Start();
        clock.Fire();
        Assert.Equal(TimeSpan.Zero, clock.Due);
    }

    [Fact]
    public void Growth_without_work_makes_it_read_faster()
    {
        Write("memory.max", $"{1000 * MiB}");
        using var sampler = Sampler();
        Advance(sampler, TimeSpan.Zero);
        Use(110);
        Assert.Equal(SamplingPace.Busy, Advance(sampler, SamplingPace.Idle));
    }

    [Fact]
    public void A_limit_that_changes_is_seen_with_the_next_reading_and_the_given_one_counts_where_there_is_none()
    {
        using var sampler = Sampler(limit: 700 * MiB);
        inFlight = 1;
        sampler.Look();
        Assert.Equal(700 * MiB, sampler.Latest.LimitBytes);
        Write("memory.max", $"{200 * MiB}");
        Advance(sampler, SamplingPace.Busy);
        Assert.Equal(200 * MiB, sampler.Latest.LimitBytes);
    }

    [Fact]
    public void Peaks_between_two_looks_at_them_are_kept()
    {
        using var sampler = Sampler();
        inFlight = 1;
        foreach (var used in (int[])[100, 250, 120])
        {
            Use(used);
            Advance(sampler, SamplingPace.Busy);
        }

        Assert.Equal(250 * MiB, sampler.TakePeak());
        Assert.Equal(120 * MiB, sampler.TakePeak());
    }

    [Fact]
    public void Kills_are_those_since_the_start()
    {
        Kills(3);
        using var sampler = Sampler();
        inFlight = 1;
        sampler.Look();
        Assert.Equal(0, sampler.Latest.OomKills);
        Kills(5);
        Advance(sampler, SamplingPace.Busy);
        Assert.Equal(2, sampler.Latest.OomKills);
    }

    [Fact]
    public void A_limit_above_counts_less_what_neighbours_use_of_it()
    {
        var pod = Path.Combine(folder, "pod");
        var app = Path.Combine(pod, "app");
        Directory.CreateDirectory(app);
        foreach (var (at, used, max) in (ReadOnlySpan<(string, int, string)>)[(pod, 150, $"{400 * MiB}"), (app, 100, $"{600 * MiB}")])
        {
            File.WriteAllText(Path.Combine(at, "memory.stat"), Stat(used));
            File.WriteAllText(Path.Combine(at, "memory.max"), max);
        }

        using var sampler = Sampler(app);
        sampler.Look();
        Assert.Equal((100 * MiB, 350 * MiB), (sampler.Latest.UsedBytes, sampler.Latest.LimitBytes));
    }

    [Fact]
    public void What_is_gone_is_not_told_on_and_is_found_again()
    {
        using var sampler = Sampler();
        inFlight = 1;
        sampler.Look();
        Write("memory.stat", "");
        Advance(sampler, SamplingPace.Busy);
        Assert.Equal((MemoryMethod.None, 0L), (sampler.Latest.Method, sampler.Latest.UsedBytes));
        Use(60);
        Advance(sampler, SamplingPace.Idle);
        Assert.Equal((MemoryMethod.Cgroup, 60 * MiB), (sampler.Latest.Method, sampler.Latest.UsedBytes));
    }

    [Fact]
    public void The_root_of_a_hierarchy_is_the_node_and_not_the_app()
    {
        Write("release_agent", "");
        using var sampler = Sampler();
        sampler.Look();
        Assert.Equal(MemoryMethod.None, sampler.Latest.Method);
    }

    [Fact]
    public async Task A_process_counts_with_its_children_and_pages_that_they_share_count_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/proc/self/smaps_rollup"), "no /proc/PID/smaps_rollup here");
        // The shell keeps a variable of 20 MB; its child gets it by fork and changes nothing.
        const string Script = "a=$(head -c 20000000 /dev/zero | tr '\\0' x); (echo ready; read line) ; echo done";
        using var shell = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("ready", await shell.StandardOutput.ReadLineAsync());
        using var memory = new AppMemory(new(MemorySourceKind.Pid, Pid: shell.Id), null, () => Nowhere, time, NullLogger.Instance);
        Assert.True(memory.TryRead(out var figures));
        Assert.Equal(MemoryMethod.Processes, memory.Method);
        Assert.Equal(3, memory.Description.Split(' ').Length);
        // The shell holds it once or twice, and its child maps all of that.
        var each = memory.Description.Split(' ').Skip(1).Select(id => ProcessText.Status(File.ReadAllBytes($"/proc/{id}/status")).AnonBytes).ToList();
        Assert.InRange(figures.Memory.AnonBytes, 19 * MiB, each.Sum() - (15 * MiB));
        await shell.StandardInput.WriteLineAsync();
        await shell.WaitForExitAsync();
        time.Advance(1);
        Assert.False(memory.TryRead(out _));
    }

    [Fact]
    public void What_the_cgroup_tells_beside_its_use_is_read_every_half_a_second()
    {
        Write("memory.current", $"{130 * MiB}\n");
        Write("memory.peak", $"{190 * MiB}\n");
        Write("memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=500\n");
        using var sampler = Sampler();
        inFlight = 1;
        sampler.Look();
        Assert.Equal(new(130 * MiB, 190 * MiB, new(TimeSpan.FromMicroseconds(1500), TimeSpan.FromMicroseconds(500))), sampler.Newest.Charge);
        Write("memory.peak", $"{200 * MiB}\n");
        Advance(sampler, SamplingPace.Busy);
        Assert.Equal(190 * MiB, sampler.Newest.Charge.ChargedPeakBytes);
        Advance(sampler, SamplingPace.Idle);
        Assert.Equal(200 * MiB, sampler.Newest.Charge.ChargedPeakBytes);
        Write("memory.stat", "");
        Advance(sampler, SamplingPace.Busy);
        Assert.Equal(default, sampler.Newest.Charge);
    }

    [Fact]
    public void Version_1_tells_its_charge_by_other_names_and_no_stalls()
    {
        var v1 = Directory.CreateDirectory(Path.Combine(folder, "v1")).FullName;
        foreach (var (file, text) in (ReadOnlySpan<(string, string)>)[("memory.stat", "cache 300\nrss 200\nshmem 100\n"), ("memory.limit_in_bytes", "9000\n"),
            ("memory.usage_in_bytes", "500\n"), ("memory.max_usage_in_bytes", "700\n")]) File.WriteAllText(Path.Combine(v1, file), text);
        using var sampler = Sampler(v1);
        sampler.Look();
        Assert.Equal(new CgroupCharge(500, 700, null), sampler.Newest.Charge);
    }

    private static string Stat(int used) => $"anon {used * MiB}\nfile {5 * MiB}\nshmem 0\n";

    private PressureSampler Sampler(string? at = null, long? limit = null, Func<bool>? isWatched = null)
    {
        var start = time.GetTimestamp();
        var memory = new AppMemory(new(MemorySourceKind.Cgroup, Path: at ?? folder), limit, () => Nowhere, time, NullLogger.Instance);
        return new(memory, Sockets(memory), () => inFlight, _ => { }, () => time.GetElapsedTime(start), time, watched: isWatched);
    }

    private SocketSenses Sockets(AppMemory memory) => new(() => Nowhere, memory.Processes, () => [], time, NullLogger.Instance);

    /// <summary>A tick more than the pause, since the clock's steps are not those of a time span.</summary>
    private TimeSpan Advance(PressureSampler sampler, TimeSpan pause)
    {
        if (pause > TimeSpan.Zero) time.Advance(pause.TotalSeconds + 0.00001);
        return sampler.Look();
    }

    private void Use(int mebibytes) => Write("memory.stat", Stat(mebibytes));

    private void Kills(int count) => Write("memory.events", $"low 0\nhigh 0\nmax 0\noom 0\noom_kill {count}\n");

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(folder, file), text);

    /// <summary>A clock that stands, with one timer that is fired by hand.</summary>
    private sealed class HandTimer : TimeProvider, ITimer
    {
        private (TimerCallback Callback, object? State) target;

        public TimeSpan Due { get; private set; }

        private long now = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => now;

        public void Advance(TimeSpan by) => now += by.Ticks + 1;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (target, Due) = ((callback, state), dueTime);
            return this;
        }

        public void Fire() => target.Callback(target.State);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Due = dueTime;
            return true;
        }

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
