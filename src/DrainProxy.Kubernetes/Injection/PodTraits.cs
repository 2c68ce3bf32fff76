using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>What kind of pod it is, as far as it decides how, and whether, a sidecar can be put in.</summary>
internal static class PodTraits
{
    private static readonly string[] Bounded = ["cpu", "memory"];
    private static readonly string[] OsLabels = ["kubernetes.io/os", "beta.kubernetes.io/os"];
    private const string Windows = "windows";
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";

    /// <summary>Why no sidecar can be put in; null when one can.</summary>
    public static string? Refusal(JsonObject pod)
    {
        var (metadata, spec) = (pod.Object("metadata"), pod.Object("spec"));
        if (metadata.Object("labels").Text(InjectionNames.InjectLabel) == "disabled") return $"label {InjectionNames.InjectLabel} is disabled";
        if (metadata.Object("annotations")?.ContainsKey(MirrorAnnotation) == true) return "mirror pod: the kubelet's file decides, not the API";
        if (spec is null) return "the pod has no spec";
        if (spec.Flag("hostNetwork") == true) return "hostNetwork: the node's ports are shared by all its pods";
        if (IsWindows(spec)) return "Windows pod: the sidecar is a Linux program";
        if (!spec.Objects("containers").Any()) return "the pod has no containers";
        var names = spec.Objects("containers").Concat(spec.Objects("initContainers")).Select(c => c.Text("name")).ToList();
        if (names.Contains(InjectionNames.Container)) return $"a container is called {InjectionNames.Container} and was not injected: a sidecar put in by hand stays as it is";
        return names.Exists(string.IsNullOrEmpty) || names.Distinct().Count() != names.Count ? "its containers need names of their own" : null;
    }

    /// <summary>By what Kubernetes' page "Windows containers" names: os, node labels, and host process containers.</summary>
    private static bool IsWindows(JsonObject spec) =>
        spec.Object("os").Text("name") == Windows
        || OsLabels.Any(label => spec.Object("nodeSelector").Text(label) == Windows)
        || spec.Objects("containers").Append(spec).Any(c => c.Object("securityContext").Object("windowsOptions").Flag("hostProcess") == true)
        || (spec.Object("affinity").Object("nodeAffinity").Object("requiredDuringSchedulingIgnoredDuringExecution").Objects("nodeSelectorTerms").ToList() is { Count: > 0 } terms
            && terms.TrueForAll(t => t.Objects("matchExpressions").Any(e =>
                OsLabels.Contains(e.Text("key")) && e.Text("operator") == "In" && e["values"] is JsonArray { Count: 1 } only && only[0].AsText() == Windows)));

    /// <summary>
    /// CPU and memory limits, and requests that equal them (or none, which means the same): those of the pod where it has its own (Kubernetes 1.34),
    /// else those of every container.
    /// </summary>
    public static bool IsGuaranteed(JsonObject pod)
    {
        var spec = pod.Object("spec");
        return PodResources.Of(pod) is not null ? IsBounded(spec!) : spec.Objects("containers").Concat(spec.Objects("initContainers")).All(IsBounded);
    }

    private static bool IsBounded(JsonObject owner) => Bounded.All(resource =>
    {
        var limit = Quantity.Of(owner.Object("resources").Object("limits")?[resource]);
        var request = Quantity.Of(owner.Object("resources").Object("requests")?[resource]);
        return limit > 0 && (request is null || request == limit);
    });

    /// <summary>A pod that is to end by itself: a plain sidecar would keep it running.</summary>
    public static bool RunsToCompletion(JsonObject pod) => pod.Object("spec").Text("restartPolicy") is "Never" or "OnFailure";

    public static long? UserOf(JsonObject pod, JsonObject container) =>
        container.Object("securityContext").Whole("runAsUser") ?? pod.Object("spec").Object("securityContext").Whole("runAsUser");

    public static bool IsNativeSidecar(JsonObject initContainer) => initContainer.Text("restartPolicy") == "Always";
}
