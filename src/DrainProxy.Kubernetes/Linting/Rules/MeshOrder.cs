using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The mesh's proxy must outlive the drain.</summary>
internal sealed class MeshOrder() : LintRule(
    "mesh-order", Severity.Warning, "The mesh's proxy stops before DrainProxy has drained",
    "All requests come through the mesh's proxy. As an ordinary container it gets SIGTERM with the app and stops after its own few seconds; behind DrainProxy among the native sidecars it stops first.",
    "Run the mesh's proxy as a native sidecar before DrainProxy in initContainers, or let it wait as long as the drain (Istio: terminationDrainDuration).", "https://istio.io/latest/blog/2023/native-sidecars/")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads.Where(w => w.Sidecar is not null))
        {
            foreach (var mesh in workload.Containers.Where(c => InjectionNames.MeshProxies.Contains(c["name"].Text)))
                yield return At(mesh["name"], $"{mesh["name"].Text} is an ordinary container: it stops while DrainProxy still drains");
            var behind = workload.Spec["initContainers"].Items.SkipWhile(c => c["name"].Text != InjectionNames.Container).Where(c => InjectionNames.MeshProxies.Contains(c["name"].Text));
            foreach (var mesh in behind) yield return At(mesh["name"], $"{mesh["name"].Text} is behind DrainProxy: native sidecars stop in reverse order, so it stops first");
        }
    }
}
