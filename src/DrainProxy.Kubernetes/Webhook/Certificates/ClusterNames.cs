namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>The objects of the cluster that belong to the webhook.</summary>
/// <param name="Namespace">Of the Secret and the Lease.</param>
/// <param name="Secret">Holds CA and certificate.</param>
/// <param name="Lease">Says which replica looks after them.</param>
/// <param name="Configuration">The MutatingWebhookConfiguration.</param>
internal sealed record ClusterNames(string Namespace, string Secret, string Lease, string Configuration)
{
    public const string ConfigurationFolder = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

    public string SecretFolder => $"/api/v1/namespaces/{Namespace}/secrets";

    public string LeaseFolder => $"/apis/coordination.k8s.io/v1/namespaces/{Namespace}/leases";

    public string SecretPath => $"{SecretFolder}/{Secret}";

    public string LeasePath => $"{LeaseFolder}/{Lease}";

    public string ConfigurationPath => $"{ConfigurationFolder}/{Configuration}";
}
