using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using DrainProxy.Wire.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>The table in docs/http.md: every requirement has tests that exist, or a limit that is told.</summary>
public sealed class HttpPageTests
{
    private const string Begin = "<!-- rows: made by tests; UPDATE_DOCS=1 dotnet test tests/DrainProxy.Wire.Tests writes it anew -->\n";
    private const string Limit = "limit: ";
    private const string End = "<!-- rows: end -->";

    private static readonly string Root =
        typeof(HttpPageTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryFolder").Value!;

    private static readonly IReadOnlyList<WireCase> Cases = [.. Corpus.Cases("Requests"), .. Corpus.Cases("Responses")];

    [Fact]
    public void Every_row_has_a_test_or_a_limit()
    {
        Assert.Equal(Enumerable.Range(1, 60), HttpRows.All.Select(r => r.Number));
        Assert.Empty(HttpRows.All.Where(r => r.Tests.Length + CasesOf(r).Count == 0 && r.Limit is null).Select(r => r.Number));
    }

    [Fact]
    public void Tests_named_by_rows_exist()
    {
        var code = string.Concat(Directory.GetFiles(Path.Combine(Root, "tests"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var declared = Regex.Matches(code, @"public (?:async )?(?:Task|void) (\w+)\(").Select(m => m.Groups[1].Value).ToHashSet();
        Assert.Empty(HttpRows.All.SelectMany(r => r.Tests).Except(declared));
    }

    [Fact]
    public void Every_case_names_a_row_and_a_rule() => Assert.Empty(Cases.Where(c => c.Rows.Length == 0 || !Regex.IsMatch(c.Rule, @"^\d{4}")).Select(c => c.Name));

    [Fact]
    public void Names_of_cases_are_unique() => Assert.Empty(Cases.GroupBy(c => c.Name).Where(g => g.Count() > 1).Select(g => g.Key));

    [Fact]
    public void The_page_has_the_table()
    {
        var page = Path.Combine(Root, "docs", "http.md");
        var text = File.ReadAllText(page);
        var begin = text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var end = text.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, "no table in docs/http.md");
        var written = text[..begin] + Table() + text[end..];
        if (Environment.GetEnvironmentVariable("UPDATE_DOCS") == "1") File.WriteAllText(page, written);
        else Assert.Equal(written, text);
    }

    private static List<WireCase> CasesOf(HttpRow row) => [.. Cases.Where(c => c.Rows.Contains(row.Number))];

    private static string Table()
    {
        var text = new StringBuilder("| # | requirement | RFC | state | cases | tests beside them |\n|---|---|---|---|---|---|\n");
        foreach (var row in HttpRows.All)
        {
            var cases = CasesOf(row);
            var open = Corpus.KnownGaps.Keys.Select(k => k.TrimStart('?', ' '))
                .Count(k => cases.Any(c => c.Name == k) || k.StartsWith($"h2 row {row.Number}:", StringComparison.Ordinal));
            var state = row.Limit is { } limit ? "limit: " + limit : open > 0 ? $"{open} open" : "ok";
            var tests = string.Join(", ", row.Tests.Select(t => t.Replace('_', ' ')));
            text.Append($"| {row.Number} | {row.Text} | {row.Source} | {state} | {(cases.Count > 0 ? cases.Count : "")} | {tests} |\n".Replace("|  |", "| |", StringComparison.Ordinal));
        }

        var gaps = Corpus.KnownGaps.Where(g => !HttpRows.All.Any(r => r.Limit is not null && CasesOf(r).Any(c => c.Name == g.Key))).ToList();
        List(text, "Open", gaps.Where(g => !g.Value.StartsWith(Limit, StringComparison.Ordinal)));
        List(text, "Limits beside them", gaps.Where(g => g.Value.StartsWith(Limit, StringComparison.Ordinal)));
        return text.ToString();
    }

    private static void List(StringBuilder text, string heading, IEnumerable<KeyValuePair<string, string>> gaps)
    {
        var reasons = gaps.GroupBy(g => g.Value.StartsWith(Limit, StringComparison.Ordinal) ? g.Value[Limit.Length..] : g.Value).ToList();
        if (reasons.Count > 0) text.Append($"\n{heading}:\n\n");
        foreach (var reason in reasons) text.Append($"- {reason.Key}: {string.Join(", ", reason.Select(g => g.Key.TrimStart('?', ' ')))}\n");
    }
}
