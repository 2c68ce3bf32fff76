using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests;

/// <summary>Objects from short texts.</summary>
internal static class Given
{
    public static readonly EqualityComparer<JsonObject> SameJson = EqualityComparer<JsonObject>.Create((a, b) => JsonNode.DeepEquals(a, b), _ => 0);

    public static IReadOnlyList<Manifest> Manifests(string text, string file = "given.yaml") =>
        Manifest.Parse(new ManifestText(file, text), ManifestLimits.Default);

    public static JsonObject Json(string yaml) => Assert.Single(Manifests(yaml)).Root;

    /// <summary>A pod with one container `shop` that has a port `http` 3000; further lines of the pod and of the container by name.</summary>
    public static JsonObject Pod(string annotations = "", string spec = "", string container = "")
    {
        var pod = Json("""
            metadata: {labels: {app: shop}, annotations: {}}
            spec: {containers: [{name: shop, image: shop:1, ports: [{name: http, containerPort: 3000}]}]}
            """);
        Merge((JsonObject)pod["metadata"]!["annotations"]!, annotations);
        Merge((JsonObject)pod["spec"]!, spec);
        if (container.Length > 0) Merge((JsonObject)pod["spec"]!["containers"]![0]!, container);
        return pod;
    }

    /// <summary>The pod after the patch, which must be there.</summary>
    public static JsonObject Injected(JsonObject pod, InjectionRequest? request = null) => Injected(pod, out _, request);

    public static JsonObject Injected(JsonObject pod, out IReadOnlyList<string> warnings, InjectionRequest? request = null)
    {
        var result = PodInjector.Inject(pod, request ?? InjectionRequest.Default);
        Assert.Null(result.Skipped);
        warnings = result.Warnings;
        var after = (JsonObject)pod.DeepClone();
        JsonPatch.Apply(after, result.Patch);
        return after;
    }

    private static void Merge(JsonObject into, string yaml)
    {
        if (yaml.Length == 0) return;
        foreach (var (key, value) in Json(yaml)) into[key] = value?.DeepClone();
    }
}
