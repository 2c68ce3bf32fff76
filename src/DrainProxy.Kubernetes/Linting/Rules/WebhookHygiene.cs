namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Webhooks that can stop every deploy.</summary>
internal sealed class WebhookHygiene() : LintRule(
    "webhook-hygiene", Severity.Warning, "An admission webhook can keep pods from starting",
    "A webhook that fails or is slow and has failurePolicy Fail blocks every pod that it sees, its own included: after a node is lost nothing comes back.",
    "failurePolicy: Ignore or a namespaceSelector that leaves its own namespace and kube-system out; timeoutSeconds of 5 or less.", "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/")
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var webhook in model.Of("MutatingWebhookConfiguration").Concat(model.Of("ValidatingWebhookConfiguration")).SelectMany(c => c["webhooks"].Items))
        {
            var policy = webhook["failurePolicy"];
            var selects = webhook["namespaceSelector"].Json is { Count: > 0 } || webhook["objectSelector"].Json is { Count: > 0 };
            var pods = webhook["rules"].Items.Any(r => r["resources"].Texts.Any(name => name is "*" or "*/*" || name.StartsWith("pods", StringComparison.Ordinal)));
            if (pods && policy.Text != "Ignore" && !selects)
                yield return At(policy.Exists ? policy : webhook["name"], $"webhook {webhook["name"].Text} sees every pod and fails closed: while it is down no pod starts", grade: Severity.Error);
            if (pods && (webhook["timeoutSeconds"].Whole ?? 10) > 5)
                yield return At(webhook["timeoutSeconds"], $"webhook {webhook["name"].Text} may delay every pod for {webhook["timeoutSeconds"].Whole ?? 10} s");
        }
    }
}
