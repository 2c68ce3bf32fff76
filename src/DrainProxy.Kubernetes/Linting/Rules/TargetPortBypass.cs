using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A Service that leads past the sidecar.</summary>
internal sealed class TargetPortBypass() : LintRule(
    "target-port-bypass", Severity.Error, "A Service leads past DrainProxy to the app",
    "Requests that go straight to the app's port are not held, not counted and not waited for: the drain ends while they run.",
    "Set targetPort to the name of DrainProxy's port.", SidecarPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (workload, sidecar) in model.WithSidecar)
        {
            // Only the app's port that DrainProxy forwards to: others, as for metrics, are nobody's mistake.
            var app = workload.SidecarSetting("APP").Text ?? "http://127.0.0.1:3000";
            if (!Uri.TryCreate(app, UriKind.Absolute, out var address) || address.Port <= 0) continue;
            var names = workload.Apps.SelectMany(c => c["ports"].Items).Where(p => p["containerPort"].Whole == address.Port).Select(p => p["name"].Text).OfType<string>().ToList();
            var ours = sidecar["ports"].Items.Select(p => p["name"].Text).FirstOrDefault();
            foreach (var port in workload.Services.SelectMany(s => s.To("spec.ports").Items))
            {
                var target = PodPorts.Target(port.Json);
                if (target is long number ? number == address.Port : target is string name && names.Contains(name))
                    yield return At(port["targetPort"].Exists ? port["targetPort"] : port["port"], $"port {target} is the app's own: the Service bypasses DrainProxy", $"set targetPort: {ours}");
            }
        }
    }
}
