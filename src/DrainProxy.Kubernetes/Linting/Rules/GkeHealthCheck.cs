namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>
/// GKE takes the health check from a BackendConfig, else from the readiness probe of the container whose port the Service targets, if it asks that
/// same port; else it asks for / (Google's page "GKE Ingress for Application Load Balancers", "Health checks").
/// </summary>
internal sealed class GkeHealthCheck() : LintRule(
    "gke-health-check", Severity.Warning, "Google's health check asks for /, not for what the readiness probe asks",
    "GKE takes over a readiness probe only when it is an httpGet of the very port that the Service targets. DrainProxy's own probe asks its admin port, so behind it nothing is taken over. Where / is not answered with 200, no endpoint is ever healthy: 502 for everything.",
    "Name a BackendConfig in the Service's annotation cloud.google.com/backend-config and give it spec.healthCheck: {type: HTTP, requestPath: …}.", "https://cloud.google.com/kubernetes-engine/docs/concepts/ingress#health_checks")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (ingress, service) in model.BehindGoogle)
        {
            if (HasConfig(model, service)) continue;
            foreach (var workload in model.Serving.Where(w => w.Services.Any(s => s.Object == service.Object)))
            {
                var probes = workload.Apps.Select(a => a["readinessProbe"]).Where(p => p.Exists).ToList();
                var path = probes.Select(p => p.To("httpGet.path")).FirstOrDefault(p => p.Text is { Length: > 1 });
                var behindUs = workload.Sidecar is not null || model.IsLabelled(workload);
                if (probes.Count == 0 || (behindUs && probes.TrueForAll(p => p.To("httpGet.path").Text is "/" or ""))) continue;
                if (!behindUs && probes.Exists(p => IsTakenOver(p, workload, service))) continue;
                yield return At(service["metadata"],
                    $"Ingress/{ingress.Object.Name} leads to it without a health check of its own, and {(behindUs ? "behind DrainProxy" : "as it asks another port or is no httpGet")} the readiness probe is not taken over: / is asked",
                    $"annotate it with cloud.google.com/backend-config: '{{\"default\": \"NAME\"}}' and give that BackendConfig spec.healthCheck: {{type: HTTP, requestPath: {path.Text ?? "/"}}}");
            }
        }
    }

    /// <summary>A BackendConfig that is not in this input gets the benefit of the doubt.</summary>
    private static bool HasConfig(LintModel model, Field service)
    {
        var named = (service.To("metadata.annotations")["cloud.google.com/backend-config"].Text ?? "") + service.To("metadata.annotations")["beta.cloud.google.com/backend-config"].Text;
        if (named.Length == 0) return false;
        var configs = model.Of("BackendConfig", "cloud.google.com").Where(c => c.Object.Namespace == service.Object.Namespace && named.Contains($"\"{c.Object.Name}\"", StringComparison.Ordinal)).ToList();
        return configs.Count == 0 || configs.Exists(c => c.To("spec.healthCheck").Exists);
    }

    private static bool IsTakenOver(Field probe, Workload workload, Field service)
    {
        var asked = Number(probe.To("httpGet.port"), workload);
        return asked is not null && service.To("spec.ports").Items.Any(p => Number(p["targetPort"].Exists ? p["targetPort"] : p["port"], workload) == asked);
    }

    private static long? Number(Field port, Workload workload) => port.Whole
        ?? (port.Text is not { } name ? null
            : long.TryParse(name, out var number) ? number
            : workload.AllContainers.SelectMany(c => c["ports"].Items).FirstOrDefault(p => p["name"].Text == name)["containerPort"].Whole);
}
