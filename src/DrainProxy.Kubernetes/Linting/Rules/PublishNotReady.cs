namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Endpoints that are not ready.</summary>
internal sealed class PublishNotReady() : LintRule(
    "publish-not-ready", Severity.Error, "The Service sends to pods that are not ready",
    "With publishNotReadyAddresses readiness has no effect: pods that start, and pods that drain, get requests.",
    "Remove publishNotReadyAddresses, or give peers of a StatefulSet a headless Service of their own.", ServicePage)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from service in model.Of("Service", "")
        let field = service.To("spec.publishNotReadyAddresses")
        where field.IsTrue
        let headless = service.To("spec.clusterIP").Text == "None"
        select headless
            ? At(field, "endpoints that are not ready are published: right for peers that find each other, wrong for clients", grade: Severity.Info)
            : At(field, "endpoints that are not ready get requests");
}
