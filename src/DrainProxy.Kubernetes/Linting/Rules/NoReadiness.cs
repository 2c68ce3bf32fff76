namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Pods that count as ready before they answer.</summary>
internal sealed class NoReadiness() : LintRule(
    "no-readiness", Severity.Error, "No container has a readiness probe",
    "Without one a pod is ready as soon as its process runs. Each new pod gets requests before it listens: connection refused, 502, at every deploy.",
    "Add a readinessProbe that asks the app whether it can answer.", ProbesPage)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Serving
        where !workload.AllContainers.Any(c => c["readinessProbe"].Exists)
        select At(workload.Spec["containers"], "no container has a readinessProbe: the pod gets requests before the app listens");
}
