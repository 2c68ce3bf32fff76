using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>One question, two consequences.</summary>
internal sealed class ProbesIdentical() : LintRule(
    "probes-identical", Severity.Warning, "Liveness asks the same as readiness",
    "Under load the same slow answer that takes the pod out of rotation also restarts it: requests in flight are cut, the others get more load, and the next pod falls.",
    "Let liveness ask only whether the process works, or give it a much larger failureThreshold than readiness.", ProbesPage)
{
    private static readonly string[] Actions = ["httpGet", "tcpSocket", "exec", "grpc"];

    public override IEnumerable<Finding> Check(LintModel model) =>
        from app in model.Serving.SelectMany(w => w.Apps)
        let live = app["livenessProbe"]
        let ready = app["readinessProbe"]
        where live.Exists && ready.Exists && Actions.Any(a => live[a].Exists && JsonNode.DeepEquals(live[a].Node, ready[a].Node))
        where Budget(live) <= 2 * Budget(ready)
        select At(live, $"livenessProbe of container {app["name"].Text} asks the same as its readinessProbe: slow under load becomes restarted under load");

    private static long Budget(Field probe) => (probe["periodSeconds"].Whole ?? 10) * (probe["failureThreshold"].Whole ?? 3);
}
