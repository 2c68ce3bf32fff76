using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>A field `port` of a probe or hook.</summary>
/// <param name="Target">The httpGet, tcpSocket or grpc that has it.</param>
/// <param name="Path">From the container to the field.</param>
internal sealed record PortReference(JsonObject Target, string[] Path);

/// <summary>Where a container refers to its own ports: the kubelet looks a name up in the same container only.</summary>
internal static class PortReferences
{
    private static readonly string[][] Places =
    [
        ["livenessProbe"], ["readinessProbe"], ["startupProbe"], ["lifecycle", "postStart"], ["lifecycle", "preStop"],
    ];

    private static readonly string[] Actions = ["httpGet", "tcpSocket", "grpc"];

    public static IEnumerable<PortReference> In(JsonObject container) =>
        from place in Places
        from action in Actions
        let target = (place.Length == 1 ? container.Object(place[0]) : container.Object(place[0]).Object(place[1])).Object(action)
        where target is not null && target.ContainsKey("port")
        select new PortReference(target, [.. place, action, "port"]);

    /// <summary>Those that mean the given port, by its name or its number.</summary>
    public static IEnumerable<PortReference> To(JsonObject container, string? name, int? number) =>
        In(container).Where(r => (name is not null && r.Target.Text("port") == name) || (number is not null && Number(r.Target["port"]) == number));

    private static long? Number(JsonNode? port) => port.AsText() is { } text ? PodPorts.Number(text) : port.AsWhole();
}
