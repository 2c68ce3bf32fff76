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
        foreach (var (workload, container) in model.Workloads.SelectMany(w => w.AllContainers.Select(c => (w, c))))
        {
            var declared = workload.AllContainers.SelectMany(c => c["ports"].Items).Select(p => p["containerPort"].Whole).OfType<long>().ToList();
            foreach (var hook in new[] { container.To("lifecycle.preStop"), container.To("lifecycle.postStart") })
            {
                if (hook["tcpSocket"].Exists) yield return At(hook["tcpSocket"], "Kubernetes takes tcpSocket hooks and never runs them");
                var get = hook["httpGet"];
                if (get["host"].Text is { Length: > 0 } host)
                    yield return At(get["host"], $"the hook calls {host}, not this pod; Pod Security baseline forbids it from 1.34 on", grade: Severity.Warning);
                if (get["port"].Text is { } name && PodPorts.Number(name) is null && container["ports"].Items.All(p => p["name"].Text != name))
                    yield return At(get["port"], $"no port of container {container["name"].Text} is called {name}: the hook fails");
                // Declaring ports is up to the pod; one that declares some and calls another has most likely a wrong number.
                else if (PortOf(get) is { } number && declared.Count > 0 && !declared.Contains(number))
                    yield return At(get["port"], $"no container of the pod declares port {number}: the hook fails unless something listens there all the same", grade: Severity.Warning);
            }
        }
    }

    private static long? PortOf(Field get) => get["port"].Whole ?? (get["port"].Text is { } text ? PodPorts.Number(text) : null);
}
