namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>App and sidecar waiting for each other.</summary>
internal sealed class SidecarStartDeadlock() : LintRule(
    "sidecar-start-deadlock", Severity.Error, "App and DrainProxy wait for each other at start",
    "The kubelet starts the app when the native sidecar's start-up probe has succeeded. /readyz succeeds when the app answers. Neither ever happens.",
    "Ask /livez in startupProbe and livenessProbe, /readyz in readinessProbe.", SidecarPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (workload, sidecar) in model.WithSidecar)
        {
            var start = sidecar.To("startupProbe.httpGet.path");
            if (workload.SidecarIsNative && start.Text is "/readyz") yield return At(start, "the start-up probe asks /readyz, which waits for the app, which waits for this probe");
            var live = sidecar.To("livenessProbe.httpGet.path");
            if (live.Text is "/readyz") yield return At(live, "the liveness probe asks /readyz: DrainProxy is restarted whenever the app does not answer, and while it drains");
            var post = sidecar.To("lifecycle.postStart.httpGet.path");
            if (post.Text is "/readyz") yield return At(post, "the postStart hook asks /readyz, which waits for the app, which waits for this hook");
        }
    }
}
