namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Nodes without a local endpoint.</summary>
internal sealed class ExternalTrafficLocal() : LintRule(
    "external-traffic-local", Severity.Warning, "externalTrafficPolicy Local drops traffic on nodes that lose their last pod",
    "With Local a node without a ready local pod drops what the load balancer sends to it, until the health check has failed often enough: seconds of lost connections at every rollout.",
    "Let pods terminate later than the load balancer's health check notices (DrainProxy's linger), spread replicas over nodes, or use Cluster.", "https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-policies")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from service in model.Of("Service", "")
        let policy = service.To("spec.externalTrafficPolicy")
        where policy.Text == "Local" && service.To("spec.type").Text is "LoadBalancer" or "NodePort"
        select At(policy, "nodes whose last pod terminates drop connections until the load balancer's health check has noticed");
}
