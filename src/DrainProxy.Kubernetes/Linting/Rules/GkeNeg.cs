namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>GKE's load balancer going through nodes.</summary>
internal sealed class GkeNeg() : LintRule(
    "gke-neg", Severity.Warning, "GKE's load balancer goes through nodes instead of to pods",
    "Without network endpoint groups the load balancer sends to nodes and kube-proxy picks a pod: health checks see the node, draining waits for the node, and pods go without the load balancer's knowledge.",
    "Annotate the Service with cloud.google.com/neg: '{\"ingress\": true}'.", "https://cloud.google.com/kubernetes-engine/docs/how-to/container-native-load-balancing")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var ingress in model.Of("Ingress").Where(i => LintModel.IngressClass(i).StartsWith("gce", StringComparison.Ordinal)))
        {
            var names = LintModel.Backends(ingress).ToHashSet();
            foreach (var service in model.Of("Service", "").Where(s => s.Object.Namespace == ingress.Object.Namespace && names.Contains(s.Object.Name)))
            {
                if (service.To("metadata.annotations")["cloud.google.com/neg"].Text?.Contains("ingress", StringComparison.Ordinal) != true)
                    yield return At(service["metadata"], $"Ingress/{ingress.Object.Name} of class {LintModel.IngressClass(ingress)} leads to it, and it has no cloud.google.com/neg annotation");
            }
        }
    }
}
