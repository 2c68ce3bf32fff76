namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>Suppressions say why.</summary>
internal sealed class SuppressionReason() : LintRule(
    "suppression-reason", Severity.Warning, "A suppression has no reason, or names no rule",
    "What is left out without a reason is found again by an outage. A suppression without one has no effect.",
    "Write drainproxy.io/lint-ignore: \"rule: reason\", several separated by semicolons.", "docs/lint.md")
{
    public override IEnumerable<Finding> Check(LintModel model) =>
        from workload in model.Objects
        from suppression in Linter.Suppressions(workload)
        let known = Linter.RuleIds.Contains(suppression.Rule)
        where !known || suppression.Reason.Length == 0
        select At(suppression.Field, known ? $"the suppression of {suppression.Rule} has no reason and no effect" : $"there is no rule {suppression.Rule}");
}
