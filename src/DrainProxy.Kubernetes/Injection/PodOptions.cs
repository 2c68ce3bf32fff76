using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>What the pod's annotations ask for. A value that is not understood is an error: a guess would be a half injection.</summary>
internal sealed partial class PodOptions
{
    private static readonly string[] Names =
    [
        "app-port", "app-port-env", "app-stop", "drain-timeout", "grace-mode", "image", "lb", "linger", "memory", "native-sidecar", "port-name", "prestop",
        "resources", "takeover",
    ];

    public string? AppPort { get; private set; }

    public string AppPortEnv { get; private set; } = "PORT";

    public string? PortName { get; private set; }

    /// <summary>Take the port's number, not only its name.</summary>
    public bool TakeNumber { get; private set; }

    public LoadBalancer Lb { get; private set; } = LoadBalancer.Auto;

    /// <summary>Whether the pod names its load balancer.</summary>
    public bool LbIsGiven { get; private set; }

    public bool KeepGrace { get; private set; }

    public TimeSpan? Linger { get; private set; }

    public TimeSpan? DrainTimeout { get; private set; }

    public TimeSpan? AppStop { get; private set; }

    /// <summary>null: as the server can.</summary>
    public bool? Native { get; private set; }

    public bool WatchMemory { get; private set; } = true;

    public string? Image { get; private set; }

    public bool KeepHooks { get; private set; }

    /// <summary>Quantities by name: cpu, memory, limit-cpu, limit-memory.</summary>
    public Dictionary<string, string> Resources { get; } = new(StringComparer.Ordinal) { ["cpu"] = "50m", ["memory"] = "64Mi", ["limit-memory"] = "256Mi" };

    public List<string> Errors { get; } = [];

    public List<string> Warnings { get; } = [];

    public static PodOptions Read(JsonObject? annotations)
    {
        var options = new PodOptions();
        foreach (var (key, node) in annotations?.ToList() ?? [])
        {
            if (!key.StartsWith(InjectionNames.Prefix, StringComparison.Ordinal)) continue;
            var name = key[InjectionNames.Prefix.Length..];
            if (InjectionNames.OtherAnnotations.Contains(name)) continue;
            if (!Names.Contains(name))
                options.Warnings.Add($"annotation {key} is not known and has no effect; known are {string.Join(", ", Names)}");
            else if (node.AsText() is not { } text)
                options.Errors.Add($"annotation {key}: annotations are strings, {node?.ToJsonString() ?? "null"} needs quotes");
            else if (options.Apply(name, text) is { } range)
                options.Errors.Add($"annotation {key}: \"{text}\" is not {range}");
        }

        return options;
    }

    /// <summary>Takes one value; else what would be allowed.</summary>
    private string? Apply(string name, string text)
    {
        switch (name)
        {
            case "app-port":
                AppPort = text;
                return PodPorts.Number(text) is not null || IsPortName(text) ? null : "a port's number (1 to 65535) or name";
            case "port-name":
                PortName = text;
                return IsPortName(text) ? null : "a port's name: at most 15 of a-z, 0-9 and -, with a letter";
            case "app-port-env":
                AppPortEnv = text;
                return VariableName().IsMatch(text) ? null : "the name of an environment variable";
            case "takeover":
                return Choose(text, ("port-name", () => TakeNumber = false), ("port-env", () => TakeNumber = true));
            case "lb":
                LbIsGiven = true;
                return Choose(text, [.. Enum.GetValues<LoadBalancer>().Select(lb => (Name(lb), (Action)(() => Lb = lb)))]);
            case "grace-mode":
                return Choose(text, ("raise", () => KeepGrace = false), ("keep", () => KeepGrace = true));
            case "linger":
                return Time(text, time => Linger = time);
            case "drain-timeout":
                return Time(text, time => DrainTimeout = time);
            case "app-stop":
                return Time(text, time => AppStop = time);
            case "native-sidecar":
                return Choose(text, ("auto", () => Native = null), ("true", () => Native = true), ("false", () => Native = false));
            case "memory":
                return Choose(text, ("on", () => WatchMemory = true), ("off", () => WatchMemory = false));
            case "image":
                Image = text;
                return ImageName().IsMatch(text) ? null : "an image's name";
            case "prestop":
                return Choose(text, ("wait", () => KeepHooks = false), ("keep", () => KeepHooks = true));
            default:
                return TakeResources(text);
        }
    }

    public static string Name(LoadBalancer lb) => lb.ToString().ToLowerInvariant();

    private string? TakeResources(string text)
    {
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (part.Split('=', StringSplitOptions.TrimEntries) is not [var name and ("cpu" or "memory" or "limit-cpu" or "limit-memory"), var value]
                || Quantity.TryParse(value) is not > 0)
                return "of the form cpu=50m,memory=64Mi,limit-memory=256Mi";
            Resources[name] = value;
        }

        foreach (var name in (string[])["cpu", "memory"])
        {
            if (Resources.TryGetValue("limit-" + name, out var limit) && Quantity.TryParse(limit) < Quantity.TryParse(Resources[name]))
                return $"possible: the {name} limit {limit} is below the request {Resources[name]}";
        }

        return null;
    }

    private static string? Time(string text, Action<TimeSpan> set)
    {
        if (!Durations.TryParse(text, out var time) || time > TimeSpan.FromHours(24)) return "0 to 24h, as 500ms, 5s, 2m, 1h";
        set(time);
        return null;
    }

    private static string? Choose(string text, params (string Name, Action Set)[] choices)
    {
        foreach (var (name, set) in choices)
        {
            if (name != text) continue;
            set();
            return null;
        }

        return "one of " + string.Join(", ", choices.Select(c => c.Name));
    }

    /// <summary>IANA_SVC_NAME as Kubernetes checks it.</summary>
    internal static bool IsPortName(string text) => text.Length <= 15 && PortNameForm().IsMatch(text);

    [GeneratedRegex(@"^(?=.*[a-z])(?!.*--)[a-z0-9]([a-z0-9-]*[a-z0-9])?\z")]
    private static partial Regex PortNameForm();

    [GeneratedRegex(@"^[A-Za-z_][A-Za-z0-9_]*\z")]
    private static partial Regex VariableName();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._:/@-]*\z")]
    private static partial Regex ImageName();
}
