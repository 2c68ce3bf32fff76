namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Connection draining is off by default at Google.</summary>
internal sealed class GkeDraining() : LintRule(
    "gke-draining", Severity.Warning, "Connection draining is off",
    "Google's load balancer cuts requests in flight when an endpoint is removed, unless connection draining is set; its default is 0.",
    "Set connectionDraining.drainingTimeoutSec in the BackendConfig, at least as long as the longest request.", GkePage)
{
    private static readonly string[] Annotations = ["cloud.google.com/backend-config", "beta.cloud.google.com/backend-config"];

    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var config in model.Of("BackendConfig", "cloud.google.com"))
        {
            var draining = config.To("spec.connectionDraining.drainingTimeoutSec");
            if (draining.Whole is null or 0)
                yield return At(draining, "no connectionDraining.drainingTimeoutSec: requests in flight are cut when an endpoint goes", "set spec.connectionDraining.drainingTimeoutSec: 60");
        }

        foreach (var (ingress, service) in model.BehindGoogle)
        {
            if (!Array.Exists(Annotations, a => service.To("metadata.annotations")[a].Exists))
            {
                yield return At(service["metadata"], $"Ingress/{ingress.Object.Name} leads to it, and it names no BackendConfig: requests in flight are cut when an endpoint goes",
                    "annotate it with cloud.google.com/backend-config: '{\"default\": \"NAME\"}' and give that BackendConfig spec.connectionDraining.drainingTimeoutSec: 60");
            }
        }
    }
}
