namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Connection draining is off by default at Google.</summary>
internal sealed class GkeDraining() : LintRule(
    "gke-draining", Severity.Warning, "Connection draining is off",
    "Google's load balancer cuts requests in flight when an endpoint is removed, unless connection draining is set; its default is 0.",
    "Set connectionDraining.drainingTimeoutSec in the BackendConfig, at least as long as the longest request.", GkePage)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from config in model.Of("BackendConfig", "cloud.google.com")
        let draining = config.To("spec.connectionDraining.drainingTimeoutSec")
        where draining.Whole is null or 0
        select At(draining, "no connectionDraining.drainingTimeoutSec: requests in flight are cut when an endpoint goes", "set spec.connectionDraining.drainingTimeoutSec: 60");
}
