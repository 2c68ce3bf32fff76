namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>GKE's load balancer going through nodes.</summary>
internal sealed class GkeNeg() : LintRule(
    "gke-neg", Severity.Warning, "GKE's load balancer goes through nodes instead of to pods",
    "Without network endpoint groups the load balancer sends to nodes and kube-proxy picks a pod: health checks see the node, draining waits for the node, and pods go without the load balancer's knowledge.",
    "Annotate the Service with cloud.google.com/neg: '{\"ingress\": true}'.", "https://cloud.google.com/kubernetes-engine/docs/how-to/container-native-load-balancing")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (ingress, service) in model.BehindGoogle)
        {
            var field = service.To("metadata.annotations")[LintModel.NegAnnotation];
            var leads = $"Ingress/{ingress.Object.Name} of class {LintModel.IngressClass(ingress)} leads to it";
            if (!field.Exists)
                yield return At(service["metadata"], $"{leads}, and it has no {LintModel.NegAnnotation} annotation: GKE adds it in VPC-native clusters, to new Services only", grade: Severity.Info);
            else if (LintModel.Neg(service) is not { } neg)
                yield return At(field, $"{leads}, and its {LintModel.NegAnnotation} annotation is no JSON object: it has no effect");
            else if (!neg.Ingress)
                yield return At(field, $"{leads}, and its {LintModel.NegAnnotation} annotation does not say ingress: true");
        }
    }
}
