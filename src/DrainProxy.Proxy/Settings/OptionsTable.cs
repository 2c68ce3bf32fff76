using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Settings.Values;
using static DrainProxy.Proxy.Settings.OptionRows;

namespace DrainProxy.Proxy.Settings;

/// <summary>
/// Every option of `run` and `dev`, once. The command line, environment names, configuration file, help, `config show`, the JSON schema and
/// the README's table all follow from here; tests compare what is written elsewhere.
/// </summary>
public static class OptionsTable
{
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>In the order of the help.</summary>
    public static IReadOnlyList<OptionRow> Rows { get; } =
    [
        new()
        {
            Name = "listen", Kind = ValueKind.Listen, Placeholder = "ADDR", Default = "0.0.0.0:8080", DevDefault = "127.0.0.1:8080", Range = Addresses.ListenForms,
            Help = "where requests come in: HTTP/1.1 and h2c on one port; https://… with --tls-cert and --tls-key",
            Apply = (draft, text) => Addresses.ParseListen(text, draft.DefaultHost, out var listen) ?? Done(() => draft.Listen = listen),
        },
        new()
        {
            Name = "app", Kind = ValueKind.App, Placeholder = "ADDR", Default = "http://127.0.0.1:3000", Range = Addresses.AppForms,
            Help = "the app: http://host:port, https://…, h2c://host:port, unix:/path",
            Apply = (draft, text) => Addresses.ParseApp(text, out var app) ?? Done(() => draft.App = app),
        },
        new()
        {
            Name = "map", Kind = ValueKind.Map, Placeholder = "LISTEN=APP", Default = "none", DefaultIsDerived = true, Repeatable = true,
            Range = "LISTEN=APP with the forms of --listen and --app, instead of these two",
            Help = "several ports in one sidecar, repeatable, instead of --listen and --app",
            Apply = (draft, text) => Addresses.ParseMap(text, draft.DefaultHost, out var map) ?? Done(() => draft.Maps.Add(map!)),
            Clear = draft => draft.Maps.Clear(),
        },
        File("tls-cert", "certificate chain of https listeners, reloaded on change", "a readable PEM file", (s, v) => s with { TlsCert = v }),
        File("tls-key", "private key of https listeners, reloaded on change", "a readable PEM file, not encrypted", (s, v) => s with { TlsKey = v }),
        new()
        {
            Name = "admin", Kind = ValueKind.Admin, Placeholder = "ADDR", Default = "0.0.0.0:9180", DevDefault = "127.0.0.1:9180", Range = Addresses.AdminForms,
            Help = "admin listener: health, state, metrics, drain",
            Apply = ApplyAdmin,
        },
        Choice<LoadBalancer>("lb", "auto", "the load balancer in front: sets keep-alive and linger", (s, v) => s with { Lb = v }, placeholder: "NAME"),
        // The defaults' reasons: longer than the load balancer's idle timeout, shorter than the app's, or the classic 502s come back.
        Duration("idle-timeout", null, "keep-alive towards the load balancer", Second, Day, (s, v) => s with { IdleTimeout = v }, derived: "from --lb"),
        Duration("app-idle-timeout", null, "keep-alive towards the app, below the app's own", TimeSpan.FromMilliseconds(100), Day, (s, v) => s with { AppIdleTimeout = v }, derived: "learned"),
        // 30 s is Kubernetes' own default of terminationGracePeriodSeconds.
        Duration("grace", "30s", "the pod's terminationGracePeriodSeconds: the whole budget", Second, Day, (s, v) => s with { Grace = v }),
        Duration("linger", null, "after the signal: still accept, at least this long", TimeSpan.Zero, Day, (s, v) => s with { Linger = v }, derived: "from --lb and --grace"),
        Duration("quiet", "3s", "silence that proves that traffic is gone", TimeSpan.Zero, TimeSpan.FromHours(1), (s, v) => s with { Quiet = v }),
        Duration("drain-timeout", null, "longest wait for what is in flight", TimeSpan.Zero, Day, (s, v) => s with { DrainTimeout = v }, derived: "rest of --grace"),
        Duration("announce-delay", "0", "after the signal: first `Connection: close` and GOAWAY", TimeSpan.Zero, Day, (s, v) => s with { AnnounceDelay = v }),
        Duration("app-stop", null, "kept free at the end for the app's own stop", TimeSpan.Zero, Day, (s, v) => s with { AppStop = v }, derived: "from --grace"),
        Choice<ReadinessOnDrain>("readiness-on-drain", "fail", "what readiness says while terminating", (s, v) => s with { ReadinessOnDrain = v }),
        Choice<AfterDrain>("after-drain", "exit", "exit once drained, or stay until SIGTERM (native sidecar)", (s, v) => s with { AfterDrain = v }),
        new()
        {
            Name = "node-notice", Kind = ValueKind.NodeNotice, Placeholder = "SOURCE", Default = "none", Range = NodeNoticeSources.Forms,
            Help = "who is asked whether the node goes (spot, preemption, scale-in): the drain then begins before the pod is deleted",
            Apply = (draft, text) => NodeNoticeSources.Parse(text, out var source) ?? Done(() => draft.Settings = draft.Settings with { NodeNotice = source }),
        },
        new()
        {
            Name = "app-prestop", Kind = ValueKind.AppHooks, Placeholder = "URL", Default = "none", DefaultIsDerived = true, Range = AppHooks.Forms,
            Help = "the app's own preStop, called once after the drain, before the app's SIGTERM; `inject` sets it",
            Apply = (draft, text) => AppHooks.Parse(text, out var hooks) ?? Done(() => draft.Settings = draft.Settings with { AppPrestop = hooks }),
        },
        Path("health-path", "none", "path on the data port answered 503 while terminating, else passed on", (s, v) => s with { HealthPath = v }),
        Path("app-health", "none (TCP connect)", "path by which the app is seen to be up", (s, v) => s with { AppHealth = v }),
        Duration("hold-timeout", "10s", "how long a request waits for the app", TimeSpan.Zero, TimeSpan.FromHours(1), (s, v) => s with { HoldTimeout = v }, zero: "no holding"),
        Count("hold-max", "1000", "how many requests may wait for the app", 0, 1_000_000, (s, v) => s with { HoldMax = v }, zero: "no holding"),
        new()
        {
            Name = "memory-source", Kind = ValueKind.MemorySource, Placeholder = "SOURCE", Default = "auto", Range = MemorySources.Forms,
            Help = "where the app's memory is seen: its cgroup, its processes, its own metrics, or not",
            Apply = (draft, text) => MemorySources.Parse(text, out var source) ?? Done(() => draft.Settings = draft.Settings with { MemorySource = source }),
        },
        // 1 MiB is less than any runtime starts with; the highest is that of a cgroup's file.
        Size("memory-limit", null, "the app's memory limit, where its source tells none", 1 << 20, 1L << 50, (s, v) => s with { MemoryLimit = v }, derived: "from the source"),
        new()
        {
            Name = "memory-reserve", Kind = ValueKind.Share, Placeholder = "SHARE", Default = "10%", Range = Shares.ReserveForms,
            Help = "part of the app's memory limit that is never admitted into",
            Apply = (draft, text) => Shares.ParseReserve(text, out var share) ?? Done(() => draft.Settings = draft.Settings with { MemoryReserve = share }),
        },
        Choice<Shed>("shed", "on", "refuse or hold requests that do not fit into the app's memory; shadow: only count them", (s, v) => s with { Shed = v }),
        new()
        {
            Name = "priority", Kind = ValueKind.Priority, Placeholder = "RULE", Default = "none", DefaultIsDerived = true, Repeatable = true, Range = Priorities.Forms,
            Help = "who is refused first and who last, repeatable",
            Apply = (draft, text) => Priorities.Parse(text, draft.Priorities),
            Clear = draft => draft.Priorities.Clear(),
        },
        new()
        {
            Name = "recycle-at", Kind = ValueKind.Recycling, Placeholder = "SHARE", Default = "off", Range = Shares.RecycleForms,
            Help = "replace a leaking app, drained and in a quiet moment, once it holds this part of its memory limit",
            Apply = (draft, text) => Shares.ParseRecycle(text, out var share) ?? Done(() => draft.Settings = draft.Settings with { RecycleAt = share }),
        },
        Count("max-in-flight", "0", "hard cap on concurrent requests to the app", 0, 1_000_000, (s, v) => s with { MaxInFlight = v }, zero: "no limit"),
        Duration("request-timeout", "0", "longest silence of the app within one exchange", TimeSpan.Zero, Day, (s, v) => s with { RequestTimeout = v }, zero: "no limit"),
        // Envoy's name (request_headers_timeout; HAProxy: timeout http-request, nginx: client_header_timeout).
        Duration("request-headers-timeout", "10s", "from the first byte of a request's header to its last", TimeSpan.Zero, TimeSpan.FromHours(1), (s, v) => s with { RequestHeadersTimeout = v }, zero: "no limit"),
        // nginx's name (send_timeout; HAProxy: timeout client).
        Duration("send-timeout", "30s", "how long a client may take less than 240 bytes a second of its answer", TimeSpan.Zero, Day, (s, v) => s with { SendTimeout = v }, zero: "no limit"),
        Size("max-body", "0", "largest request body", 0, 1L << 50, (s, v) => s with { MaxBody = v }, zero: "no limit"),
        // 64 KiB is what AWS ALB sends at most; a smaller limit here answers 431 where the load balancer passed the request.
        Size("max-header-size", "64Ki", "largest request header", 1 << 10, 1 << 20, (s, v) => s with { MaxHeaderSize = (int)v }),
        Count("max-connections", "0", "most connections on the data listeners at once", 0, 1_000_000, (s, v) => s with { MaxConnections = v }, zero: "no limit"),
        new()
        {
            Name = "trusted-proxies", Kind = ValueKind.Networks, Placeholder = "NETWORK", Default = "private where --lb names one, else none", DefaultIsDerived = true,
            Repeatable = true, Range = Networks.Forms,
            Help = "peers whose X-Forwarded-* and Forwarded are kept, repeatable",
            Apply = (draft, text) => Networks.Parse(text, draft.TrustedProxies ??= []),
            Clear = draft => draft.TrustedProxies = null,
        },
        Choice<Switch>("via", "on", "add `Via` to requests; a loop is seen by it", (s, v) => s with { Via = v == Switch.On }),
        Choice<UnsafeFields>("unsafe-fields", "pass", "fields with _ in their name, and `Proxy`", (s, v) => s with { UnsafeFields = v }),
        Choice<AccessLog>("access-log", "off", "which exchanges get a line", (s, v) => s with { AccessLog = v }),
        Choice<LogVerbosity>("log-level", "info", "verbosity of the log", (s, v) => s with { LogLevel = v }),
        Choice<LogForm>("log-format", "auto", "form of the log; auto: text on a terminal, JSON lines elsewhere", (s, v) => s with { LogFormat = v }),
        File(ConfigName, "settings as flat JSON; environment and command line win over it", "a readable JSON file", (s, _) => s),
    ];

    internal const string ConfigName = "config";

    private static readonly Dictionary<string, OptionRow> ByName = Rows.ToDictionary(row => row.Name, StringComparer.Ordinal);

    public static OptionRow? Find(string name) => ByName.GetValueOrDefault(name);

    private static string? ApplyAdmin(SettingsDraft draft, string text)
    {
        if (Addresses.ParseListen(text, draft.DefaultHost, out var admin) is { } problem)
            return problem;
        if (admin!.Tls)
            return "the admin listener has no TLS";
        draft.Settings = draft.Settings with { Admin = admin };
        return null;
    }

    private static string? Done(Action set)
    {
        set();
        return null;
    }
}
