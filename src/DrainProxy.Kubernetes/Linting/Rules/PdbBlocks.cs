namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A budget that allows nothing.</summary>
internal sealed class PdbBlocks() : LintRule(
    "pdb-blocks", Severity.Warning, "The PodDisruptionBudget allows no disruption at all",
    "A drain of the node waits for it, and after its limit (an hour on GKE, 15 minutes on EKS) the pods are removed by force, without the order that an eviction has.",
    "Use maxUnavailable: 1; minAvailable belongs below the smallest number of replicas, the autoscaler's minReplicas included.", PdbPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads.Where(w => w.IsReplicated))
        {
            foreach (var budget in workload.Budgets)
            {
                var (most, least) = (budget.To("spec.maxUnavailable"), budget.To("spec.minAvailable"));
                if (most.Exists && (most.Whole == 0 || most.Text == "0%")) yield return At(most, "maxUnavailable 0 allows no eviction");
                if (least.Whole >= workload.Replicas || least.Text == "100%")
                {
                    yield return At(least, $"minAvailable {least.Text ?? $"{least.Whole}"} of {workload.Replicas} "
                        + (workload.HasHpa ? "replicas, which the autoscaler may go down to," : "replicas") + " allows no eviction");
                }
            }
        }
    }
}
