namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Rollouts that do not wait for the target group.</summary>
internal sealed class AwsReadinessGate() : LintRule(
    "aws-readiness-gate", Severity.Warning, "A rollout does not wait for the load balancer's target group",
    "A pod is ready for Kubernetes before the load balancer has registered it and seen it healthy. The rollout goes on, the last old pod leaves, and the target group has nobody: 503.",
    "Label the namespace elbv2.k8s.aws/pod-readiness-gate-inject: enabled.", "https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/pod_readiness_gate/")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Serving)
        {
            var balancer = workload.Ingresses.Where(i => i.To("metadata.annotations")["alb.ingress.kubernetes.io/target-type"].Text == "ip")
                .Concat(workload.Services.Where(s => LintModel.IsNlb(s) && s.To("metadata.annotations")["service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"].Text == "ip")).FirstOrDefault();
            if (!balancer.Exists || workload.Spec["readinessGates"].Items.Any(g => g["conditionType"].Text?.StartsWith("target-health", StringComparison.Ordinal) == true)) continue;
            var space = model.Of("Namespace", "").FirstOrDefault(n => n.Object.Name == workload.Object.Namespace);
            if (space.Exists && space.To("metadata.labels")["elbv2.k8s.aws/pod-readiness-gate-inject"].Text == "enabled") continue;
            yield return space.Exists
                ? At(space["metadata"], $"the namespace has no label for readiness gates, and {balancer.Object.Kind}/{balancer.Object.Name} registers pods of {workload.Object.Kind}/{workload.Object.Name}")
                : At(workload.Root.To("metadata.name"), $"is namespace {workload.Object.Namespace} labelled for readiness gates? It is not in this input", grade: Severity.Info);
        }
    }
}
