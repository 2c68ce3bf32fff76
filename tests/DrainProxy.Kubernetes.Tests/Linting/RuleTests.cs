using DrainProxy.Kubernetes.Linting;

namespace DrainProxy.Kubernetes.Tests.Linting;

/// <summary>Each rule has a file with a bad part, marked where findings are due, and a good part.</summary>
public sealed class RuleTests
{
    private const string Divider = "---\n# Good.\n";
    private static readonly string Folder = Path.Combine(Source.Root, "tests/DrainProxy.Kubernetes.Tests/Linting/Fixtures");

    public static TheoryData<string> Rules => [.. Linter.RuleIds];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Findings_are_where_they_are_due(string rule)
    {
        var bad = Parts(rule).Bad;
        var due = bad.Split('\n').Select((line, i) => (line, i)).Where(l => l.line.Contains("# HERE", StringComparison.Ordinal)).Select(l => l.i + 1);
        var findings = Lint(bad).Where(f => f.Rule == rule).ToList();

        Assert.NotEmpty(findings);
        Assert.Equal(due, findings.Select(f => f.Line).Distinct());
        Assert.All(findings, f => Assert.True(f is { File: "given.yaml", Message.Length: > 10, Fix.Length: > 10, Source.Length: > 5, Field.Length: > 2 } && f.Target.Split('/').Length == 3, f.ToString()));
    }

    [Theory]
    [MemberData(nameof(Rules))]
    public void What_is_good_is_not_complained_of(string rule) => Assert.DoesNotContain(Lint(Parts(rule).Good), f => f.Rule == rule);

    [Theory]
    [MemberData(nameof(Rules))]
    public void A_rule_explains_itself(string rule)
    {
        var text = Linter.Explain(rule)!;

        Assert.StartsWith(rule + " (", text, StringComparison.Ordinal);
        Assert.All((string[])["\nWhy: ", "\nFix: ", "\nSource: "], part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    [Fact]
    public void Ids_are_unique_and_no_fixture_is_left_over()
    {
        Assert.Equal(Linter.RuleIds.Count, Linter.RuleIds.Distinct().Count());
        Assert.Equal(Linter.RuleIds.Order(StringComparer.Ordinal), Directory.GetFiles(Folder).Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal));
    }

    private static (string Bad, string Good) Parts(string rule)
    {
        var text = File.ReadAllText(Path.Combine(Folder, rule + ".yaml"));
        var at = text.IndexOf(Divider, StringComparison.Ordinal);
        return (text[..at], text[(at + Divider.Length)..]);
    }

    private static IReadOnlyList<Finding> Lint(string text) => Linter.Lint(Given.Manifests(text), LintOptions.Default);
}
