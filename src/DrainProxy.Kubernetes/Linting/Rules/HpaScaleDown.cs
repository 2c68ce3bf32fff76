namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>An autoscaler that removes many pods at once.</summary>
internal sealed class HpaScaleDown() : LintRule(
    "hpa-scale-down", Severity.Warning, "The autoscaler may remove all surplus pods at once",
    "Without a scale-down policy the autoscaler removes up to 100 % of the pods in 15 seconds. Each removal is a termination; many at once are what Firefox-CI counted as 40,000 502s a day.",
    "Set behavior.scaleDown.policies, for example {type: Percent, value: 10, periodSeconds: 60}.", HpaPage)
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from hpa in model.Of("HorizontalPodAutoscaler")
        let down = hpa.To("spec.behavior.scaleDown")
        where down["policies"].Items.Count == 0 && down["selectPolicy"].Text != "Disabled"
        select At(down.Exists ? down : hpa["spec"], hpa.Object.ApiVersion == "autoscaling/v1"
            ? "autoscaling/v1 has no scale-down policy: use autoscaling/v2 and set one"
            : "no policy limits how many pods are removed at once");
}
