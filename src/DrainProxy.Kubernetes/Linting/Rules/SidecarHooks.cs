using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A sidecar that is not told, or an app that does not wait.</summary>
internal sealed class SidecarHooks() : LintRule(
    "sidecar-hooks", Severity.Error, "The hooks that order the termination are missing",
    "Without its preStop hook a native sidecar hears of the termination only after the app has ended. Without /drain/wait the app gets SIGTERM at once, while DrainProxy still forwards requests to it.",
    "DrainProxy: preStop exec [/app/drainproxy, signal, terminating]. App: preStop httpGet /drain/wait on the admin port, by number.", SidecarPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (workload, sidecar) in model.WithSidecar)
        {
            var own = sidecar.To("lifecycle.preStop");
            if (!own.To("exec.command").Texts.Contains("terminating")) yield return At(own, "DrainProxy has no preStop hook `signal terminating`");
            var admin = sidecar["ports"].Items.Select(p => p["containerPort"].Whole).ToHashSet();
            foreach (var app in workload.Apps)
            {
                var wait = app.To("lifecycle.preStop.httpGet");
                if (wait["path"].Text != "/drain/wait")
                    yield return At(app["lifecycle"], $"container {app["name"].Text} has no preStop hook GET /drain/wait: it may stop before the last request", grade: Hooks.PreStop(app.Json!).Kind == HookKind.None ? Severity.Error : Severity.Warning);
                else if (wait["port"].Whole is { } port && !admin.Contains(port))
                    yield return At(wait["port"], $"DrainProxy declares no port {port}: /drain/wait is answered by the admin port");
            }
        }
    }
}
