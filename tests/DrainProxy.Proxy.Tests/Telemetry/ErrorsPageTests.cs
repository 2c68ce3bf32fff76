using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>docs/errors.md lists the closed sets of causes, each of them once and in its table.</summary>
public sealed partial class ErrorsPageTests
{
    [Fact]
    public void Each_cause_towards_the_app_is_listed() => Same<UpstreamCause>("Towards the app", columns: 7);

    [Fact]
    public void Each_reason_of_a_refusal_is_listed() => Same<ShedReason>("Refused before the app saw it", columns: 3);

    [Fact]
    public void Each_cause_towards_the_client_is_listed() => Same<ClientCause>("Towards the client", columns: 7);

    private static void Same<T>(string heading, int columns)
        where T : struct, Enum
    {
        var page = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/errors.md"));
        var section = page.Split("\n## ").Single(s => s.StartsWith(heading, StringComparison.Ordinal));
        var rows = Row().Matches(section);
        Assert.Equal(Enum.GetValues<T>().Select(LabelNames.Of).Order(), rows.Select(r => r.Groups[1].Value).Order());
        Assert.All(rows, r => Assert.Equal(columns + 1, r.Value.Count(c => c == '|')));
    }

    private static string Here([CallerFilePath] string file = "") => file;

    [GeneratedRegex("^\\| `(\\w+)` \\|.*$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
