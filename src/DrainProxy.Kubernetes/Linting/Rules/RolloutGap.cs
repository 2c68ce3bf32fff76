namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Rollouts that take pods away before new ones are there.</summary>
internal sealed class RolloutGap() : LintRule(
    "rollout-gap", Severity.Error, "A rollout takes away pods before new ones are ready",
    "Recreate stops all pods first. A maxUnavailable of all replicas does the same; with few replicas any maxUnavailable leaves the others with more than they can carry.",
    "Use RollingUpdate with maxUnavailable: 0 and maxSurge: 1 or more.", DeploymentPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Serving.Where(w => w.Object.Kind == "Deployment"))
        {
            var strategy = workload.Root.To("spec.strategy");
            if (strategy["type"].Text == "Recreate")
            {
                yield return At(strategy["type"], "strategy Recreate stops every pod before the first new one starts: nobody answers meanwhile");
                continue;
            }

            var unavailable = strategy.To("rollingUpdate.maxUnavailable");
            var down = Count(unavailable, workload.Replicas);
            if (down > 0 && down >= workload.Replicas) yield return At(unavailable, $"maxUnavailable {unavailable.Text ?? $"{unavailable.Whole}"} takes all {workload.Replicas} replicas away at once");
            else if (down > 0 && workload.Replicas <= 3)
                yield return At(unavailable, $"maxUnavailable {unavailable.Text ?? $"{unavailable.Whole}"} leaves {workload.Replicas - down} of {workload.Replicas} replicas during a rollout", grade: Severity.Warning);
        }
    }

    private static long Count(Field field, long replicas) => field.Whole
        ?? (field.Text is { } text && text.EndsWith('%') && long.TryParse(text[..^1], out var percent) ? replicas * percent / 100 : 0);
}
