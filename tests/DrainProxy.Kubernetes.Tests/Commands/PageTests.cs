using System.Text.RegularExpressions;

namespace DrainProxy.Kubernetes.Tests.Commands;

/// <summary>The commands of the pages are typed as they stand there, in a copy of the folder they name.</summary>
public sealed partial class PageTests
{
    public static TheoryData<string> Pages => [.. Directory.GetFiles(Path.Combine(Source.Root, "docs"), "*.md").Where(p => Lines(p).Count > 0).Select(p => Path.GetFileName(p)!)];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Commands_do_what_the_page_says(string page)
    {
        var folder = Directory.CreateTempSubdirectory("drainproxy-page-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "deploy/examples"));
            foreach (var file in Directory.GetFiles(Path.Combine(Source.Root, "deploy/examples"))) File.Copy(file, Path.Combine(folder, "deploy/examples", Path.GetFileName(file)));
            foreach (var line in Lines(Path.Combine(Source.Root, "docs", page)))
            {
                var outcome = BuiltProgram.Shell(line, folder);
                var expected = ExitCode().Match(line) is { Success: true } match ? int.Parse(match.Groups[1].Value) : 0;
                Assert.True(outcome.ExitCode == expected, $"{line}\nexit code {outcome.ExitCode}, not {expected}\n{outcome.Error}{outcome.Output}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>The lines of shell blocks that run one of the manifest commands.</summary>
    private static List<string> Lines(string page) => [.. Blocks().Matches(File.ReadAllText(page)).SelectMany(m => m.Groups[1].Value.Split('\n')).Where(l => Ours().IsMatch(l))];

    [GeneratedRegex(@"^```sh\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Blocks();

    [GeneratedRegex(@"^drainproxy (inject|uninject|lint|plan)\b")]
    private static partial Regex Ours();

    [GeneratedRegex(@"# exit code ([0-9]+)")]
    private static partial Regex ExitCode();
}
