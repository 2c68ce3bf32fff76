namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The autoscaler against long drains and pods that may not move.</summary>
internal sealed class SafeToEvict() : LintRule(
    "safe-to-evict", Severity.Warning, "The cluster autoscaler does not wait for the whole drain",
    "When it removes a node, the cluster autoscaler waits 10 minutes for its pods (max-graceful-termination-sec), whatever their grace says. safe-to-evict: true lets it remove pods that nothing starts elsewhere in time.",
    "Keep the grace below 600 s, or raise max-graceful-termination-sec; mark pods with long work safe-to-evict: \"false\".",
    "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md")
{
    private const string Annotation = "cluster-autoscaler.kubernetes.io/safe-to-evict";

    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads)
        {
            var evict = workload.Pod.To("metadata.annotations")[Annotation];
            if (workload.Grace.TotalSeconds > 600 && evict.Text != "false")
                yield return At(workload.Spec["terminationGracePeriodSeconds"], $"a grace of {workload.Grace.TotalSeconds:0} s: the cluster autoscaler gives 600 s");
            if (evict.Text == "true" && workload.Serves && workload.IsReplicated && workload.Replicas == 1)
                yield return At(evict, "the only replica is marked safe to evict");
        }
    }
}
