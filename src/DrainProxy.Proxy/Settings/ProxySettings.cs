using System.Net;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Proxy.Settings;

/// <summary>How the app is spoken to.</summary>
public enum AppScheme
{
    /// <summary>HTTP/1.1 over TCP.</summary>
    Http,

    /// <summary>HTTP/1.1 or HTTP/2 over TLS.</summary>
    Https,

    /// <summary>HTTP/2 with prior knowledge over clear text.</summary>
    H2c,

    /// <summary>HTTP/1.1 over a Unix domain socket.</summary>
    Unix,
}

/// <summary>Where the app is: host and port, or the socket's path for <see cref="AppScheme.Unix"/>.</summary>
public sealed record AppAddress(AppScheme Scheme, string Host, int Port, string? UnixPath = null)
{
    public override string ToString() => Scheme == AppScheme.Unix
        ? $"unix:{UnixPath}"
        : $"{Scheme.ToString().ToLowerInvariant()}://{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}";
}

/// <summary>Where a listener binds. <paramref name="Host"/> is an address, `localhost` or a name that resolves; port 0 takes a free one.</summary>
public sealed record ListenAddress(string Host, int Port, bool Tls = false)
{
    public override string ToString() => $"{(Tls ? "https://" : "")}{(Host.Contains(':') ? $"[{Host}]" : Host)}:{Port}";
}

/// <summary>One data listener and the app behind it.</summary>
public sealed record PortMap(ListenAddress Listen, AppAddress App);

/// <summary>What readiness says while terminating.</summary>
public enum ReadinessOnDrain
{
    Fail,
    Keep,
}

/// <summary>What the process does once drained.</summary>
public enum AfterDrain
{
    Exit,

    /// <summary>Native sidecar: stay until SIGTERM.</summary>
    Stay,
}

/// <summary>Which exchanges get a line of the access log.</summary>
public enum AccessLog
{
    Off,
    Errors,
    All,
}

/// <summary>What happens to requests that do not fit into the app's memory.</summary>
public enum Shed
{
    On,

    /// <summary>They pass, and what would have become of them is counted.</summary>
    Shadow,
    Off,
}

/// <summary>What happens to fields whose names CGI-like servers confuse with others.</summary>
public enum UnsafeFields
{
    Pass,
    Drop,
}

/// <summary>A choice between yes and no.</summary>
public enum Switch
{
    On,
    Off,
}

/// <summary>Verbosity of the log.</summary>
public enum LogVerbosity
{
    Debug,
    Info,
    Warning,
    Error,
}

/// <summary>Form of the log; <see cref="Auto"/> is text on a terminal, JSON elsewhere.</summary>
public enum LogForm
{
    Auto,
    Json,
    Text,
}

/// <summary>How the app's memory is found.</summary>
public enum MemorySourceKind
{
    /// <summary>The cgroup of whoever listens on the app's port, else the sum of its processes, else its metrics where they are named.</summary>
    Auto,

    /// <summary>A cgroup's folder.</summary>
    Cgroup,

    /// <summary>The sum of a process and its descendants.</summary>
    Pid,

    /// <summary>The sum of the processes that listen on the app's port, and their descendants.</summary>
    Port,

    /// <summary>The app's own metrics.</summary>
    Metrics,

    /// <summary>Not at all.</summary>
    None,
}

/// <summary>Where the app's memory is seen. <paramref name="Path"/> belongs to a cgroup, <paramref name="Pid"/> to a process, <paramref name="Metrics"/> to metrics and to auto as its last resort.</summary>
public sealed record MemorySource(MemorySourceKind Kind, string? Path = null, int Pid = 0, Uri? Metrics = null);

/// <summary>Who knows that a node goes.</summary>
public enum NodeProvider
{
    Aws,
    Gcp,
    Azure,

    /// <summary>A URL of the user's own.</summary>
    Url,
}

/// <summary>Who is asked whether the node goes. <paramref name="Address"/> is the URL, or another place of the provider's metadata service; null: where the provider has it.</summary>
public sealed record NodeNoticeSource(NodeProvider Provider, Uri? Address = null)
{
    /// <summary>For the log: a URL's query may hold a key.</summary>
    public override string ToString() => (Provider == NodeProvider.Url ? "" : Provider.ToString().ToLowerInvariant())
        + (Address is null ? "" : (Provider == NodeProvider.Url ? "" : "=") + Address.GetLeftPart(UriPartial.Path));
}

/// <summary>A preStop hook of the app that DrainProxy calls in the kubelet's place: on loopback, with the header fields of the hook.</summary>
public sealed record AppHook(Uri Address, IReadOnlyList<(string Name, string Value)> Fields);

/// <summary>
/// The settings of `run` and `dev`, validated. Defaults live here, so that no code behind the binder asks "or else what?";
/// null means that the value follows from the load-balancer preset, the plan, or what is learned from the app.
/// </summary>
public sealed record ProxySettings
{
    /// <summary>Data listeners with their apps; one, unless `--map` is given.</summary>
    public IReadOnlyList<PortMap> Ports { get; init; } = [new(new("0.0.0.0", 8080), new(AppScheme.Http, "127.0.0.1", 3000))];

    /// <summary>PEM file of the certificate chain for listeners with TLS; reloaded on change.</summary>
    public string? TlsCert { get; init; }

    /// <summary>PEM file of the private key.</summary>
    public string? TlsKey { get; init; }

    /// <summary>Admin listener.</summary>
    public ListenAddress Admin { get; init; } = new("0.0.0.0", 9180);

    /// <summary>Which load balancer stands in front.</summary>
    public LoadBalancer Lb { get; init; } = LoadBalancer.Auto;

    /// <summary>Our keep-alive towards the load balancer; null: the preset's.</summary>
    public TimeSpan? IdleTimeout { get; init; }

    /// <summary>Our keep-alive towards the app; null: learned.</summary>
    public TimeSpan? AppIdleTimeout { get; init; }

    /// <summary>terminationGracePeriodSeconds: the whole budget.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(30);

    public TimeSpan? Linger { get; init; }

    public TimeSpan Quiet { get; init; } = TimeSpan.FromSeconds(3);

    public TimeSpan? DrainTimeout { get; init; }

    public TimeSpan AnnounceDelay { get; init; }

    public TimeSpan? AppStop { get; init; }

    public ReadinessOnDrain ReadinessOnDrain { get; init; }

    public AfterDrain AfterDrain { get; init; }

    /// <summary>Who is asked whether the node goes, which starts the drain; null: nobody.</summary>
    public NodeNoticeSource? NodeNotice { get; init; }

    /// <summary>The app's own preStop hooks, called after the drain and before its SIGTERM.</summary>
    public IReadOnlyList<AppHook> AppPrestop { get; init; } = [];

    /// <summary>Path on the data port that is answered 503 while terminating, else passed to the app.</summary>
    public string? HealthPath { get; init; }

    /// <summary>Path by which DrainProxy sees that the app is up; null: a TCP connect.</summary>
    public string? AppHealth { get; init; }

    /// <summary>How long a request waits for the app before it fails.</summary>
    public TimeSpan HoldTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How many requests may wait for the app.</summary>
    public int HoldMax { get; init; } = 1000;

    /// <summary>How the app's memory is seen.</summary>
    public MemorySource MemorySource { get; init; } = new(MemorySourceKind.Auto);

    /// <summary>The app's memory limit in bytes where its source tells none; null: there is none then.</summary>
    public long? MemoryLimit { get; init; }

    /// <summary>What is never admitted into: a share of the app's limit (0 to 0.9), or bytes where above 1.</summary>
    public double MemoryReserve { get; init; } = 0.1;

    /// <summary>Whether requests are held back and refused by what they would take.</summary>
    public Shed Shed { get; init; }

    /// <summary>Who is refused first and who last; the first rule that fits counts.</summary>
    public IReadOnlyList<PriorityRule> Priorities { get; init; } = [];

    /// <summary>Share of the app's memory limit from which on a leaking app is replaced, 0.2 to 0.95; zero: never.</summary>
    public double RecycleAt { get; init; }

    /// <summary>Most requests with the app at once; zero: no limit.</summary>
    public int MaxInFlight { get; init; }

    /// <summary>Longest silence of the app within one exchange (WebSocket and streams: between any two bytes); zero: no limit.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.Zero;

    /// <summary>From the first byte of a request's header to its last; zero: no limit. nginx has 60 s and HAProxy none: slow-header attacks live on that.</summary>
    public TimeSpan RequestHeadersTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a client may take next to nothing of its answer before its connection ends; zero: no limit.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Largest request body in bytes; zero: no limit, the app decides.</summary>
    public long MaxBody { get; init; }

    /// <summary>Largest request header in bytes. AWS ALB sends up to 64 KiB.</summary>
    public int MaxHeaderSize { get; init; } = 64 * 1024;

    /// <summary>Most connections on the data listeners at once; zero: no limit.</summary>
    public int MaxConnections { get; init; }

    /// <summary>Peers whose X-Forwarded-* and Forwarded are kept and appended to; those of others are replaced. Null: as the load balancer says.</summary>
    public IReadOnlyList<IPNetwork>? TrustedProxies { get; init; }

    /// <summary>Whether requests get our entry in `Via`.</summary>
    public bool Via { get; init; } = true;

    public UnsafeFields UnsafeFields { get; init; }

    public AccessLog AccessLog { get; init; }

    public LogVerbosity LogLevel { get; init; } = LogVerbosity.Info;

    public LogForm LogFormat { get; init; }

    /// <summary>`dev`: a second signal cuts at once.</summary>
    public bool Dev { get; init; }
}
