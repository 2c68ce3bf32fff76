namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Advice on packets that conntrack takes for invalid.</summary>
internal sealed class ConntrackLiberal() : LintRule(
    "conntrack-liberal", Severity.Info, "Connections through nodes meet conntrack",
    "Where traffic goes through a node's address translation, conntrack may take late packets for invalid and the client gets a reset; Rockset found this behind its 502s.",
    "Send to pods directly (target type ip, NEG), or set net.netfilter.nf_conntrack_tcp_be_liberal=1 on the nodes.", "https://kubernetes.io/blog/2019/03/29/kube-proxy-subtleties-debugging-an-intermittent-connection-reset/")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from service in model.Of("Service", "")
        let type = service.To("spec.type")
        let annotations = service.To("metadata.annotations")
        where type.Text is "NodePort" or "LoadBalancer"
            && annotations["service.beta.kubernetes.io/aws-load-balancer-nlb-target-type"].Text != "ip" && !annotations["cloud.google.com/neg"].Exists
        select At(type, "traffic goes through nodes and their connection tracking: is nf_conntrack_tcp_be_liberal set there?");
}
