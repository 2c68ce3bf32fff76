using System.Globalization;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>The port that is taken over.</summary>
/// <param name="Container">The app's container.</param>
/// <param name="Entry">Its entry under `ports`; null when the container does not declare it.</param>
/// <param name="Name">The name under which Services find it, and the sidecar from now on.</param>
internal sealed record AppPort(JsonObject Container, JsonObject? Entry, int Number, string Name, string Scheme)
{
    public string ContainerName => Container.Text("name")!;
}

/// <summary>What is known of a pod's ports: which one is the app's, and which numbers and names are free.</summary>
internal sealed class PodPorts(JsonObject pod, IReadOnlyList<JsonObject> allServices)
{
    private const string DefaultName = "http";

    /// <summary>Containers that serve the app: neither a mesh's proxy nor ours.</summary>
    public IReadOnlyList<JsonObject> Apps { get; } =
        [.. pod.Object("spec").Objects("containers").Where(c => !InjectionNames.MeshProxies.Contains(c.Text("name")) && c.Text("name") != InjectionNames.Container)];

    /// <summary>The Services whose selector this pod's labels satisfy.</summary>
    public IReadOnlyList<JsonObject> Services { get; } = [.. allServices.Where(service => Selects(service, pod.Object("metadata").Object("labels")))];

    public static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= 65535 ? number : null;

    /// <summary>The app's port: the annotated one, else the one that a Service targets, else the only or the first named one.</summary>
    public (AppPort? Port, string? Problem) Find(PodOptions options)
    {
        var declared = Apps.SelectMany(c => c.Objects("ports").Where(p => IsTcp(p) && NumberOf(p) is not null).Select(p => (Container: c, Entry: p))).ToList();
        if (options.AppPort is { } asked)
        {
            var number = Number(asked);
            foreach (var (container, entry) in declared)
            {
                if (number is null ? entry.Text("name") == asked : entry.Whole("containerPort") == number) return (Make(container, entry, options), null);
            }

            return number is { } undeclared
                ? (new AppPort(Apps[0], null, undeclared, options.PortName ?? DefaultName, "http"), null)
                : (null, $"annotation {InjectionNames.Prefix}app-port: no port is called {asked}");
        }

        var found = declared.Where(p => options.PortName is { } name && p.Entry.Text("name") == name)
            .Concat(Targets().SelectMany(target => declared.Where(p => target is string name ? p.Entry.Text("name") == name : p.Entry.Whole("containerPort") == (long)target)))
            .Concat(declared.Count == 1 ? declared : declared.Where(p => p.Entry.Text("name") is not null))
            .Concat(declared).ToList();
        return found is [var first, ..] ? (Make(first.Container, first.Entry, options), null) : (null, null);
    }

    /// <summary>Numbers that something in the pod uses or may use.</summary>
    public HashSet<long> UsedNumbers()
    {
        var all = pod.Object("spec").Objects("containers").Concat(pod.Object("spec").Objects("initContainers")).ToList();
        var declared = all.SelectMany(c => c.Objects("ports")).SelectMany(p => new[] { p.Whole("containerPort"), p.Whole("hostPort") });
        var referred = all.SelectMany(PortReferences.In).Select(r => r.Target["port"].AsWhole());
        return [.. declared.Concat(referred).OfType<long>()];
    }

    public static int Free(HashSet<long> used, int wanted, int otherwise)
    {
        var free = wanted;
        if (used.Contains(wanted))
        {
            for (free = otherwise; used.Contains(free); free++)
            {
            }
        }

        used.Add(free);
        return free;
    }

    /// <summary>A new name for the app's port, at most 15 characters, that no port of the pod has.</summary>
    public string NewName(string old) => FreeName("app-" + old);

    /// <summary>The name wanted, or the first with a number behind it that no port of the pod has; at most 15 characters.</summary>
    /// <param name="wanted">May be longer: it is cut.</param>
    /// <param name="but">Taken as well.</param>
    public string FreeName(string wanted, string? but = null)
    {
        var spec = pod.Object("spec");
        var taken = spec.Objects("containers").Concat(spec.Objects("initContainers")).SelectMany(c => c.Objects("ports")).Select(p => p.Text("name")).Append(but).ToHashSet();
        for (var i = 1; ; i++)
        {
            var suffix = i == 1 ? "" : i.ToString(CultureInfo.InvariantCulture);
            var name = wanted[..Math.Min(wanted.Length, 15 - suffix.Length)].TrimEnd('-') + suffix;
            if (!taken.Contains(name)) return name;
        }
    }

    private AppPort Make(JsonObject container, JsonObject entry, PodOptions options)
    {
        var (name, number) = (entry.Text("name"), NumberOf(entry)!.Value);
        var protocols = Services.SelectMany(s => s.Object("spec").Objects("ports"))
            .Where(p => Target(p) is { } target && (target is string byName ? byName == name : (long)target == number)).Select(p => p.Text("appProtocol"));
        var hints = protocols.Append(name).OfType<string>().ToList();
        var scheme = hints.Exists(h => h is "kubernetes.io/h2c" or "grpc" or "h2c" || h.StartsWith("grpc-", StringComparison.Ordinal)) ? "h2c"
            : hints.Exists(h => h is "https" || h.StartsWith("https-", StringComparison.Ordinal)) ? "https"
            : "http";
        return new(container, entry, number, name ?? options.PortName ?? DefaultName, scheme);
    }

    private IEnumerable<object> Targets() => Services.SelectMany(s => s.Object("spec").Objects("ports")).Where(IsTcp).Select(Target).OfType<object>();

    /// <summary>The name (string) or number (long) that a Service's port leads to; without targetPort it is the port itself.</summary>
    internal static object? Target(JsonObject? servicePort) => servicePort?["targetPort"] is { } target
        ? target.AsText() is { } name ? (Number(name) is { } number ? (long)number : name) : target.AsWhole()
        : servicePort.Whole("port");

    /// <summary>null where the API server would not take it.</summary>
    private static int? NumberOf(JsonObject port) => port.Whole("containerPort") is >= 1 and <= 65535 and var number ? (int)number : null;

    private static bool IsTcp(JsonObject port) => port.Text("protocol") is null or "TCP";

    internal static bool Selects(JsonObject service, JsonObject? labels) =>
        service.Object("spec").Object("selector") is { Count: > 0 } selector
        && selector.All(pair => pair.Value.AsText() is { } value && labels.Text(pair.Key) == value);
}
