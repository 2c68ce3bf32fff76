namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A policy that still allows only the app's port.</summary>
internal sealed class NetworkPolicyHidesSidecar() : LintRule(
    "network-policy", Severity.Error, "A NetworkPolicy does not let traffic through to DrainProxy's port",
    "Policies look at the number of the port that is reached. One that names the app's port drops all requests to DrainProxy: timeouts, 504.",
    "Allow DrainProxy's port (by its name, or its number) in the policy's ingress.", "https://kubernetes.io/docs/concepts/services-networking/network-policies/")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (workload, sidecar) in model.WithSidecar)
        {
            if (sidecar["ports"].Items is not [var port, ..]) continue;
            var (name, number) = (port["name"].Text, port["containerPort"].Whole);
            if (number is null) continue;
            var policies = model.Of("NetworkPolicy").Where(p => p.Object.Namespace == workload.Object.Namespace
                && Workload.Matches(p.To("spec.podSelector").Json, workload.Pod.To("metadata.labels").Json)
                && (p.To("spec.policyTypes").Items.Count == 0 || p.To("spec.policyTypes").Texts.Contains("Ingress"))).ToList();
            var rules = policies.SelectMany(p => p.To("spec.ingress").Items).ToList();
            // Policies add up: one that lets the port through is enough. An empty list of rules denies all on purpose.
            if (rules.Count == 0 || rules.Exists(r => !r["ports"].Exists || r["ports"].Items.Any(p => Allows(p, name, number.Value)))) continue;
            var place = rules.SelectMany(r => r["ports"].Items).First();
            yield return At(place["port"], $"no policy lets traffic through to port {number} ({name}) of DrainProxy in {workload.Object.Kind}/{workload.Object.Name}", $"add - port: {name ?? number.ToString()}");
        }
    }

    private static bool Allows(Field entry, string? name, long number) =>
        !entry["port"].Exists || entry["port"].Text == name || entry["port"].Whole == number || (entry["port"].Whole < number && entry["endPort"].Whole >= number);
}
