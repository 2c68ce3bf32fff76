namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>
/// Google's readiness gate, which GKE puts into pods behind network endpoint groups of an Ingress. When it opens without having waited is told by
/// ingress-gce, pkg/neg/readiness/reflector.go: no group, or a group without a health-checked backend service.
/// </summary>
internal sealed class GkeReadinessGate() : LintRule(
    "gke-readiness-gate", Severity.Warning, "A rollout does not wait for Google's load balancer",
    "A pod is ready for Kubernetes before the load balancer has programmed its endpoint and seen it healthy, which takes up to a minute. Without a readiness gate that waits for it the rollout goes on, the last old pod leaves, and nobody is left who is healthy: 502.",
    "Let GKE put the gate in: cloud.google.com/neg: '{\"ingress\": true}' on the Service that the Ingress leads to. For groups of your own (exposed_ports) set minReadySeconds: 60.",
    "https://cloud.google.com/kubernetes-engine/docs/concepts/container-native-load-balancing#pod_readiness")
{
    private const string Gate = "cloud.google.com/load-balancer-neg-ready";

    public override IEnumerable<Finding> Check(LintModel model)
    {
        var behindIngress = model.BehindGoogle.ToLookup(pair => (pair.Service.Object.Namespace, pair.Service.Object.Name), pair => pair.Ingress);
        foreach (var workload in model.Serving)
        {
            var groups = workload.Services.Select(LintModel.Neg).OfType<(bool Ingress, bool Alone)>().ToList();
            foreach (var gate in workload.Spec["readinessGates"].Items.Select(g => g["conditionType"]).Where(t => t.Text == Gate))
            {
                if (!groups.Exists(g => g.Ingress || g.Alone))
                    yield return At(gate, $"the gate is set by hand, and no Service here that selects the pods has network endpoint groups: in GKE it opens at once, elsewhere never, and no pod gets ready", "remove it: GKE adds the gate by itself");
            }

            if (!workload.IsReplicated || workload.Root.To("spec.minReadySeconds").Whole > 0) continue;
            foreach (var service in workload.Services)
            {
                var ingress = behindIngress[(service.Object.Namespace, service.Object.Name)].FirstOrDefault();
                var (asked, place) = (LintModel.Neg(service), service.To("metadata.annotations")[LintModel.NegAnnotation]);
                if (ingress.Exists && asked is { Ingress: false })
                    yield return At(place, $"without ingress: true GKE puts no readiness gate into pods of {workload.Object.Kind}/{workload.Object.Name}, and its minReadySeconds is 0: a rollout does not wait for Ingress/{ingress.Object.Name}");
                else if (!ingress.Exists && asked is { Ingress: false, Alone: true })
                    yield return At(place, $"the gate opens at once while the group is in no backend service with a health check, and minReadySeconds of {workload.Object.Kind}/{workload.Object.Name} is 0", grade: Severity.Info);
            }
        }
    }
}
