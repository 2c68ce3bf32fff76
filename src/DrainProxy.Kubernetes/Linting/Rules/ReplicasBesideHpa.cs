namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Two who set one number.</summary>
internal sealed class ReplicasBesideHpa() : LintRule(
    "replicas-beside-hpa", Severity.Warning, "replicas is set beside an autoscaler",
    "Each apply sets the number back to what the manifest says: pods are terminated, and started again by the autoscaler, at every deploy.",
    "Remove spec.replicas from the manifest.", "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#migrating-deployments-and-statefulsets-to-horizontal-autoscaling")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Workloads
        let replicas = workload.Root.To("spec.replicas")
        where workload.HasHpa && replicas.Exists
        select At(replicas, $"each apply sets {replicas.Whole} replicas, whatever HorizontalPodAutoscaler/{workload.Hpa.Object.Name} has decided");
}
