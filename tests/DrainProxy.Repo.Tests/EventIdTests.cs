using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>Log events are found by id and name: each means one thing.</summary>
public sealed partial class EventIdTests
{
    [Fact]
    public void Ids_and_names_of_log_events_are_unique()
    {
        var events = Repository.FilesWith(".cs").Where(file => file.StartsWith("src/", StringComparison.Ordinal))
            .SelectMany(file => Messages().Matches(Repository.Read(file)).Select(m => (File: file, Attribute: m.Value))).ToList();
        var ids = events.Select(e => Id().Match(e.Attribute)).ToList();
        var names = events.Select(e => Name().Match(e.Attribute)).ToList();

        Assert.True(events.Count >= 10, "the attributes are not found any more");
        Guard.None(events.Zip(ids).Where(e => !e.Second.Success).Select(e => $"{e.First.File}: {e.First.Attribute}"), "no id");
        Guard.None(events.Zip(names).Where(e => !e.Second.Success).Select(e => $"{e.First.File}: {e.First.Attribute}"), "no EventName");
        Guard.None(Repeated(ids), "id used twice");
        Guard.None(Repeated(names), "name used twice");
    }

    private static IEnumerable<string> Repeated(IEnumerable<Match> matches) =>
        matches.GroupBy(m => m.Groups[1].Value).Where(g => g.Count() > 1).Select(g => g.Key);

    /// <summary>An attribute up to the bracket that ends a line: messages may hold brackets too.</summary>
    [GeneratedRegex(@"\[LoggerMessage\(.*?\)\]\s*$", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Messages();

    [GeneratedRegex(@"LoggerMessage\(\s*(?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex Id();

    [GeneratedRegex("EventName\\s*=\\s*\"(\\w+)\"")]
    private static partial Regex Name();
}
