using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>The page that explains the termination report against a report.</summary>
public sealed partial class ReportPageTests
{
    [Fact]
    public async Task Report_has_the_fields_that_the_page_shows_and_explains()
    {
        await using var program = await RunningProgram.StartAsync();
        var output = await program.TerminateAsync();
        var written = Names(JsonNode.Parse(output.Split('\n').Single(line => line.StartsWith("{\"event\":\"termination_report\"", StringComparison.Ordinal)))!);
        var page = Repository.Read("docs/drain.md");
        var shown = Names(JsonNode.Parse(Example().Match(page).Groups[1].Value)!);

        Assert.Equal(written, shown);
        Guard.None(written.Where(name => name != "event" && !Explained(name) && !Explained(name.Split('.')[0])), "field without a word");

        bool Explained(string name) => page.Contains($"`{name}`", StringComparison.Ordinal);
    }

    /// <summary>The names in order, those of inner objects behind a point.</summary>
    private static List<string> Names(JsonNode report) => [.. report.AsObject().SelectMany(field => field.Value is JsonObject inner
        ? inner.Select(part => $"{field.Key}.{part.Key}")
        : [field.Key])];

    [GeneratedRegex("```json\n(\\{\"event\":\"termination_report\".*?)```", RegexOptions.Singleline)]
    private static partial Regex Example();
}
