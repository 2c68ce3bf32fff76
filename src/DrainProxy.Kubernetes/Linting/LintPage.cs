using System.Text;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>The rules as a part of docs/lint.md; a test compares.</summary>
public static class LintPage
{
    public static string Rules()
    {
        var text = new StringBuilder();
        foreach (var rule in Linter.Rules)
        {
            text.Append($"### {rule.Id}\n\n{rule.Title} ({Linter.Name(rule.Severity)}).\n\n");
            text.Append($"Why: {rule.Why}\n\nFix: {rule.Remedy}\n\nSource: {(rule.Source.StartsWith("https", StringComparison.Ordinal) ? $"<{rule.Source}>" : rule.Source)}\n\n");
        }

        return text.ToString();
    }
}
