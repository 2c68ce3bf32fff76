namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>No budget for disruptions.</summary>
internal sealed class PdbMissing() : LintRule(
    "pdb-missing", Severity.Info, "No PodDisruptionBudget",
    "Node upgrades and the autoscaler evict pods as fast as they can; without a budget all replicas may go at once.",
    "Add a PodDisruptionBudget with maxUnavailable: 1.", PdbPage)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Serving
        where workload.IsReplicated && workload.Replicas > 1 && workload.Budgets.Count == 0
        select At(workload.Root.To("metadata.name"), "no PodDisruptionBudget in this input selects its pods",
            $"add apiVersion: policy/v1, kind: PodDisruptionBudget, spec: {{maxUnavailable: 1, selector: {workload.Root.To("spec.selector").Json?.ToJsonString() ?? "…"}}}");
}
