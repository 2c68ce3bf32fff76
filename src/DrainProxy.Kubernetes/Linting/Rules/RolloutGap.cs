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
                yield return At(strategy["type"], "strategy Recreate stops every pod before the first new one starts: nobody answers meanwhile", grade: workload.SpeaksHttp ? Severity.Error : Severity.Warning);
                continue;
            }

            // Without room for one more, one goes first: maxUnavailable is then a quarter, or one pod at least (ResolveFenceposts of the Deployment controller).
            var (unavailable, surge) = (strategy.To("rollingUpdate.maxUnavailable"), strategy.To("rollingUpdate.maxSurge"));
            var (field, down) = !unavailable.Exists && IsNothing(surge) ? (surge, Math.Max(1, workload.Replicas / 4)) : (unavailable, Count(unavailable, workload.Replicas));
            if (down == 0 || workload.Replicas == 0) continue;
            var name = $"{field.Path.Steps[^1].Key} {field.Text ?? $"{field.Whole}"}";
            if (down >= workload.Replicas) yield return At(field, $"{name} takes {(workload.Replicas == 1 ? "the only replica" : $"all {workload.Replicas} replicas")} away before a new one starts");
            else if (workload.Replicas <= 3) yield return At(field, $"{name} leaves {workload.Replicas - down} of {workload.Replicas} replicas during a rollout", grade: Severity.Warning);
        }
    }

    private static long Count(Field field, long replicas) => field.Whole
        ?? (field.Text is { } text && text.EndsWith('%') && long.TryParse(text[..^1], out var percent) ? replicas * percent / 100 : 0);

    private static bool IsNothing(Field field) => field.Whole == 0 || field.Text == "0%";
}
