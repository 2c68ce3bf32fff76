using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The hooks and the drain must fit into the grace.</summary>
internal sealed class GraceBudgetRule() : LintRule(
    "grace-budget", Severity.Error, "The termination does not fit into terminationGracePeriodSeconds",
    "The grace counts from the deletion on and includes the hooks. What is still running at its end is killed with SIGKILL, and its requests end as 502.",
    "Raise terminationGracePeriodSeconds above hook, drain and the app's own stop together; `drainproxy plan` computes it.", Termination)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads)
        {
            var grace = workload.Grace.TotalSeconds;
            foreach (var app in workload.Containers)
            {
                var (kind, sleep) = Hooks.PreStop(app.Json!);
                if (kind == HookKind.Sleep && sleep.TotalSeconds >= grace)
                {
                    yield return At(app.To("lifecycle.preStop"), $"the preStop hook sleeps {sleep.TotalSeconds:0.#} s and the grace is {grace:0} s: the app is killed before it can finish a request",
                        $"set terminationGracePeriodSeconds: {Math.Ceiling(sleep.TotalSeconds) + 30:0}");
                }
                else if (kind == HookKind.Sleep && workload.Serves && grace - sleep.TotalSeconds < 5)
                {
                    yield return At(app.To("lifecycle.preStop"), $"after the preStop sleep of {sleep.TotalSeconds:0.#} s only {grace - sleep.TotalSeconds:0.#} s of the grace are left for requests in flight",
                        $"set terminationGracePeriodSeconds: {Math.Ceiling(sleep.TotalSeconds) + 30:0}", Severity.Warning);
                }
            }

            if (workload.Sidecar is null || workload.SidecarSetting("GRACE") is not { Exists: true } told || !Durations.TryParse(told.Text ?? "", out var given)) continue;
            if (given > workload.Grace)
                yield return At(told, $"DrainProxy is told a grace of {told.Text} and the pod has {grace:0} s: it is killed while it drains", $"set both to {given.TotalSeconds:0} s");
            var lb = workload.Lb ?? LoadBalancer.Auto;
            var linger = workload.SidecarSetting("LINGER").Text is { } text && Durations.TryParse(text, out var asked) ? asked : (TimeSpan?)null;
            var drain = workload.SidecarSetting("DRAIN_TIMEOUT").Text is { } timeout && Durations.TryParse(timeout, out var most) ? most : (TimeSpan?)null;
            foreach (var warning in BudgetPlanner.Plan(new(given, lb, linger, TimeSpan.FromSeconds(3), drain, TimeSpan.Zero, null)).Warnings)
                yield return At(told, warning, grade: Severity.Warning);
        }
    }
}
