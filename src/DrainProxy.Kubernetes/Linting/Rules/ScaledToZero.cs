namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>What everything else needs, switched off.</summary>
internal sealed class ScaledToZero() : LintRule(
    "scaled-to-zero", Severity.Error, "Something that serves is scaled to zero",
    "With no pod there is no endpoint: every request is a 503 until somebody scales it up. A core service (DNS, ingress controller) takes all others with it.",
    "Set replicas, or the autoscaler's minReplicas, to at least 1; to 2 for core services.", "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Workloads
        where workload.IsReplicated && workload.Replicas == 0 && (workload.Serves || workload.Object.Namespace == "kube-system")
        select At(workload.HasHpa ? workload.Hpa.To("spec.minReplicas") : workload.Root.To("spec.replicas"),
            workload.Object.Namespace == "kube-system" ? "a core service with no replica" : "no replica: every request is answered 503",
            grade: workload.HasHpa ? Severity.Warning : Severity.Error);
}
