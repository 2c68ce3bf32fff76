using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A Service whose port no pod has.</summary>
internal sealed class TargetPortUnresolved() : LintRule(
    "target-port-unresolved", Severity.Error, "A Service's targetPort is no port of its pods",
    "A named targetPort that no container declares gives endpoints without that port: every request is refused.",
    "Use the name of a declared containerPort.", ServicePage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var workload in model.Workloads)
        {
            var declared = workload.Containers.Concat(workload.Spec["initContainers"].Items.Where(c => c["restartPolicy"].Text == "Always")).SelectMany(c => c["ports"].Items).ToList();
            foreach (var port in workload.Services.SelectMany(s => s.To("spec.ports").Items))
            {
                var target = PodPorts.Target(port.Json);
                var field = port["targetPort"].Exists ? port["targetPort"] : port["port"];
                if (target is string name && declared.TrueForAll(p => p["name"].Text != name))
                    yield return At(field, $"no container of {workload.Object.Kind}/{workload.Object.Name} has a port called {name}: the Service has no endpoint for it");
                else if (target is long number && declared.Count > 0 && declared.TrueForAll(p => p["containerPort"].Whole != number))
                    yield return At(field, $"{workload.Object.Kind}/{workload.Object.Name} declares ports, but not {number}", grade: Severity.Warning);
            }
        }
    }
}
