namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A cordoned node that load balancers still use.</summary>
internal sealed class NodeExclusion() : LintRule(
    "node-exclusion", Severity.Info, "A node that is being removed still gets traffic of load balancers",
    "Cordoning keeps new pods away, not the load balancer: it goes on sending through the node until the node is gone, and then requests in flight are lost.",
    "Label the node node.kubernetes.io/exclude-from-external-load-balancers and wait before it is drained.", "https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from node in model.Of("Node", "")
        let cordoned = node.To("spec.unschedulable")
        where cordoned.IsTrue && !node.To("metadata.labels")["node.kubernetes.io/exclude-from-external-load-balancers"].Exists
        select At(cordoned, "the node is cordoned and load balancers still send through it");
}
