namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>One pod.</summary>
internal sealed class SingleReplica() : LintRule(
    "single-replica", Severity.Warning, "There is only one replica",
    "Each restart, eviction, node upgrade or OOM kill of the only pod is an outage: nobody else can answer.",
    "Run at least two replicas, spread over nodes.", "https://kubernetes.io/docs/concepts/workloads/pods/disruptions/")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Serving
        where workload.IsReplicated && workload.Replicas == 1
        let field = workload.HasHpa ? workload.Hpa.To("spec.minReplicas") : workload.Root.To("spec.replicas")
        select At(field, workload.HasHpa ? "the autoscaler goes down to one replica" : "one replica: every restart is an outage");
}
