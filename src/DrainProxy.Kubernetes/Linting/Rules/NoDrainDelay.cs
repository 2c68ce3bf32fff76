using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>An app without a sidecar that stops as soon as it is told.</summary>
internal sealed class NoDrainDelay() : LintRule(
    "no-drain-delay", Severity.Error, "The app gets SIGTERM while the load balancer still sends to it",
    "Endpoints and load balancers learn of a deletion seconds late, SIGTERM comes at once. Whatever is sent in between meets a closed port: 502 or 503 at every deploy and scale-down.",
    "Put DrainProxy in front (`drainproxy inject`), or give the container a preStop hook that sleeps at least as long as the load balancer is late.", Termination)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Bare
        from app in workload.Apps
        where workload.IsReached(app)
        let hook = Hooks.PreStop(app.Json!)
        where hook.Kind is HookKind.None or HookKind.Other || (hook.Kind == HookKind.Sleep && hook.Sleep == TimeSpan.Zero)
        select At(app["name"], $"container {app["name"].Text} has no preStop hook that waits: requests sent in the seconds after its SIGTERM fail",
            "run `drainproxy inject`, or add lifecycle: {preStop: {exec: {command: [sleep, \"" + (int)Math.Max(5, Presets.Of(workload.Lb ?? LoadBalancer.Auto).LingerFloor.TotalSeconds) + "\"]}}}");
}
