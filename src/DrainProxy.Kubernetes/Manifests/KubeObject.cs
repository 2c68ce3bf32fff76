using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>One Kubernetes object of the input: a whole document, or an item of a List.</summary>
public sealed record KubeObject(Manifest Source, FieldPath Path, JsonObject Json, string Kind, string ApiVersion)
{
    public string Name => Json.Object("metadata") is { } metadata ? metadata.Text("name") ?? metadata.Text("generateName") ?? "(no name)" : "(no name)";

    /// <summary>`default` when the object does not say; what the namespace of the context is, nobody knows here.</summary>
    public string Namespace => Json.Object("metadata")?.Text("namespace") is { Length: > 0 } given ? given : "default";

    /// <summary>The field from which pods are made: metadata and spec of a pod. Null for kinds that make none.</summary>
    public FieldPath? PodPath => (Group, Kind) switch
    {
        ("", "Pod") => FieldPath.Root,
        ("apps" or "extensions", "Deployment" or "StatefulSet" or "DaemonSet" or "ReplicaSet") or ("batch", "Job") => FieldPath.Root.To("spec.template"),
        ("batch", "CronJob") => FieldPath.Root.To("spec.jobTemplate.spec.template"),
        _ => null,
    };

    /// <summary>The pod of <see cref="PodPath"/>, or null when there is none.</summary>
    public JsonObject? Pod => PodPath is { } path ? Json.At(path) as JsonObject : null;

    public string Group => ApiVersion.Split('/') is [var group, _] ? group : "";

    /// <summary>All objects of a document, those of Lists one by one, Lists in Lists too.</summary>
    public static IEnumerable<KubeObject> In(Manifest manifest) => In(manifest, FieldPath.Root, manifest.Root, null, null);

    private static IEnumerable<KubeObject> In(Manifest source, FieldPath path, JsonObject json, string? assumedKind, string? assumedVersion)
    {
        var kind = json.Text("kind") ?? assumedKind ?? "";
        var version = json.Text("apiVersion") ?? assumedVersion ?? "";
        if (!kind.EndsWith("List", StringComparison.Ordinal) || json["items"] is not JsonArray items)
            return [new(source, path, json, kind, version)];

        // The items of a PodList and its kin may leave their own kind and version out.
        var (itemKind, itemVersion) = kind.Length > 4 ? (kind[..^4], version) : (null, null);
        return items.SelectMany((item, index) => item is JsonObject child ? In(source, path.To("items").Then(index), child, itemKind, itemVersion) : []);
    }
}
