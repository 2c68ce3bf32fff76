using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Hooks that lead nowhere.</summary>
internal sealed class HookTarget() : LintRule(
    "hook-target", Severity.Error, "A hook leads nowhere",
    "The kubelet calls an httpGet hook on the pod's address; a name is looked up among the ports of the same container only; tcpSocket hooks are never run. A hook that fails does not delay SIGTERM.",
    "Give an httpGet hook a port number and no host.", HooksPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var container in model.Workloads.SelectMany(w => w.AllContainers))
        {
            foreach (var hook in new[] { container.To("lifecycle.preStop"), container.To("lifecycle.postStart") })
            {
                if (hook["tcpSocket"].Exists) yield return At(hook["tcpSocket"], "Kubernetes takes tcpSocket hooks and never runs them");
                var get = hook["httpGet"];
                if (get["host"].Text is { Length: > 0 } host)
                    yield return At(get["host"], $"the hook calls {host}, not this pod; Pod Security baseline forbids it from 1.34 on", grade: Severity.Warning);
                if (get["port"].Text is { } name && PodPorts.Number(name) is null && container["ports"].Items.All(p => p["name"].Text != name))
                    yield return At(get["port"], $"no port of container {container["name"].Text} is called {name}: the hook fails");
            }
        }
    }
}
