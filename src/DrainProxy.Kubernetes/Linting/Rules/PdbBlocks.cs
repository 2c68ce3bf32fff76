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
                if (Least(least, workload.Replicas) >= workload.Replicas)
                {
                    yield return At(least, $"minAvailable {least.Text ?? $"{least.Whole}"} of {workload.Replicas} "
                        + (workload.HasHpa ? "replicas, which the autoscaler may go down to," : "replicas") + " allows no eviction");
                }
            }
        }
    }

    /// <summary>A share is rounded up: 90% of three are three (Kubernetes' page on PodDisruptionBudgets).</summary>
    private static long? Least(Field field, long replicas) => field.Whole
        ?? (field.Text is { } text && text.EndsWith('%') && long.TryParse(text[..^1], out var percent) && percent is >= 0 and <= 100 ? ((replicas * percent) + 99) / 100 : null);
}
