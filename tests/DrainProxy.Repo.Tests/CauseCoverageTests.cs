using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>
/// Each cause of docs/errors.md (which ErrorsPageTests holds against the enums) is produced by a test over real sockets, which says so by its trait:
/// `dotnet test --filter cause=connect_refused` plays it.
/// </summary>
public sealed partial class CauseCoverageTests
{
    [Fact]
    public void Each_cause_is_produced_by_a_test_and_no_test_names_another()
    {
        var causes = Row().Matches(Repository.Read("docs/errors.md")).Select(row => row.Groups[1].Value).ToHashSet();
        var named = new Dictionary<string, List<string>>();
        foreach (var file in Repository.FilesWith(".cs").Where(file => file.StartsWith("tests/", StringComparison.Ordinal)))
        {
            foreach (Match trait in CauseTrait().Matches(Repository.Read(file)))
            {
                if (!named.TryGetValue(trait.Groups[1].Value, out var files)) named[trait.Groups[1].Value] = files = [];
                files.Add(file);
            }
        }

        Assert.True(causes.Count > 20, "the page's tables are not found");
        Guard.None(causes.Except(named.Keys), "cause that no test produces");
        Guard.None(named.Keys.Except(causes), "cause that docs/errors.md does not have");
        // A name that only stands in the trait is not asserted anywhere.
        Guard.None(named.SelectMany(cause => cause.Value.Where(file => !Asserts(Repository.Read(file), cause.Key)).Select(file => $"{file}: {cause.Key}")), "cause that the test does not look at");
    }

    private static bool Asserts(string text, string cause) => CauseTrait().Replace(text, "").Replace("_", "", StringComparison.Ordinal)
        .Contains(cause.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("^\\| `(\\w+)` \\|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex("\\[Trait\\(\"cause\", \"(\\w+)\"\\)\\]")]
    private static partial Regex CauseTrait();
}
