namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Readiness that notices trouble late.</summary>
internal sealed class ReadinessLag() : LintRule(
    "readiness-lag", Severity.Warning, "Readiness notices trouble too late",
    "A pod stays in the endpoints for periodSeconds x failureThreshold after it stopped answering. All requests that it gets meanwhile fail.",
    "Lower periodSeconds or failureThreshold; timeoutSeconds belongs below periodSeconds.", ProbesPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var container in model.Serving.SelectMany(w => w.AllContainers))
        {
            var probe = container["readinessProbe"];
            if (!probe.Exists) continue;
            var (period, failures) = (probe["periodSeconds"].Whole ?? 10, probe["failureThreshold"].Whole ?? 3);
            if (period * failures > 30) yield return At(probe, $"a pod that does not answer gets requests for another {period * failures} s (periodSeconds {period} x failureThreshold {failures})");
            if (probe["timeoutSeconds"].Whole > period) yield return At(probe["timeoutSeconds"], $"timeoutSeconds {probe["timeoutSeconds"].Whole} is above periodSeconds {period}: one slow answer hides several");
        }
    }
}
