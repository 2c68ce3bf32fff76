using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Memory without a limit of its own.</summary>
internal sealed class MemoryLimit() : LintRule(
    "memory-limit", Severity.Info, "No memory limit, or a request far below it",
    "Without a limit the node's OOM killer chooses whom to kill, by class of service: pods whose use is above their request go first, with all their requests.",
    "Set limits.memory, and requests.memory near it, for containers that serve.", "https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var app in model.Serving.SelectMany(w => w.Apps))
        {
            var (limit, request) = (app.To("resources.limits.memory"), app.To("resources.requests.memory"));
            if (!limit.Exists) yield return At(app["name"], $"container {app["name"].Text} has no memory limit");
            else if (Quantity.Of(request.Node) is { } asked && Quantity.Of(limit.Node) is { } most && most > 2 * asked)
                yield return At(request, $"the memory request of container {app["name"].Text} is less than half of its limit: it is killed early when the node runs short");
        }
    }
}
