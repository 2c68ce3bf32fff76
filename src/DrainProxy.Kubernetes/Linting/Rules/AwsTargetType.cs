namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>AWS load balancers going through nodes.</summary>
internal sealed class AwsTargetType() : LintRule(
    "aws-target-type", Severity.Warning, "The AWS load balancer goes through nodes instead of to pods",
    "With target-type instance a request goes to a random node and on from there: the health check sees nodes, deregistration waits for nodes, and a node that is removed takes requests of other nodes' pods with it.",
    "Set alb.ingress.kubernetes.io/target-type: ip (or service.beta.kubernetes.io/aws-load-balancer-nlb-target-type: ip).", AwsPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var ingress in model.Of("Ingress").Where(i => LintModel.IngressClass(i).StartsWith("alb", StringComparison.Ordinal)))
        {
            var type = ingress.To("metadata.annotations")["alb.ingress.kubernetes.io/target-type"];
            if (type.Text != "ip") yield return At(type, type.Exists ? $"target-type {type.Text}: requests go through a random node" : "no target-type: the default goes through a random node");
        }

        foreach (var service in model.Of("Service", "").Where(LintModel.IsNlb))
        {
            var annotations = service.To("metadata.annotations");
            var type = annotations["service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"];
            if (type.Text != "ip" && annotations["service.beta.kubernetes.io/aws-load-balancer-type"].Text != "nlb-ip")
                yield return At(type, type.Exists ? $"target type {type.Text}: connections go through a random node" : "no target type: the default goes through a random node");
        }
    }
}
