using System.Text.Json;
using System.Text.RegularExpressions;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Repo.Tests;

/// <summary>What the pages show can be followed, parsed and typed.</summary>
public sealed partial class MarkdownTests
{
    /// <summary>Options of our commands that are no settings, those of the bench, and of the peers that it describes.</summary>
    private static readonly string[] OtherOptions =
    [
        "--json", "--help", "--version", "--peers", "--metrics", "--runs", "--seconds", "--rate", "--connections", "--idle", "--drainproxy",
        "--baseline", "--limit", "--compare", "--pin", "--profile", "--attack", "--webhook", "--quick", "--default-target", "--app-port-env", "--watch", "--kubernetes-version", "--image", "--format",
        "--memory", "--later-limit", "--export", "--clients", "--maxconn", "--arms", "--warm", "--trace",
        "--explain", "--mb-per-request", "--longest", "--svg",
        // webhook
        "--tls", "--namespace", "--secret", "--lease", "--webhook-configuration", "--service-account-dir",
    ];

    public static TheoryData<string> Pages => [.. Repository.FilesWith(".md")];

    [Theory]
    [MemberData(nameof(Pages))]
    public void Relative_links_lead_somewhere(string page)
    {
        var folder = Path.GetDirectoryName(Repository.PathOf(page))!;
        var broken = new List<string>();
        foreach (Match link in Links().Matches(WithoutCode(Repository.Read(page))))
        {
            var target = link.Groups[1].Value;
            if (target.Contains("://", StringComparison.Ordinal)) continue;
            var (file, anchor) = target.Split('#') is [var f, var a] ? (f, a) : (target, null);
            var path = file.Length == 0 ? Repository.PathOf(page) : Path.GetFullPath(Path.Combine(folder, file));
            if (!Path.Exists(path)) broken.Add(target);
            else if (anchor is not null && !Anchors(File.ReadAllText(path)).Contains(anchor)) broken.Add(target + " (no such heading)");
        }

        Guard.None(broken, "broken link");
    }

    [Theory]
    [MemberData(nameof(Pages))]
    public void Json_blocks_parse(string page)
    {
        foreach (var block in Blocks(page, "json"))
        {
            var failure = Record.Exception(() => JsonDocument.Parse(block).Dispose());
            Assert.True(failure is null, $"{page}: {failure?.Message}\n{block}");
        }
    }

    [Fact]
    public void Yaml_parses()
    {
        Assert.SkipUnless(Command.Exists("ruby"), "needs ruby (package ruby) for its YAML parser");
        var texts = Repository.FilesWith(".yaml", ".yml").Select(file => (Name: file, Text: Repository.Read(file)))
            .Concat(Repository.FilesWith(".md").SelectMany(page => Blocks(page, "yaml").Select(block => (page, block)))).ToList();

        Assert.NotEmpty(texts);
        foreach (var (name, text) in texts)
        {
            var parsed = Command.Run("ruby", ["-ryaml", "-e", "exit(YAML.load_stream(ARGV[0]).compact.any? ? 0 : 1)", text], Repository.Root);
            Assert.True(parsed.ExitCode == 0, $"{name}: {parsed.Text}\n{text}");
        }
    }

    [Fact]
    public void Settings_named_in_pages_and_examples_exist()
    {
        var options = OptionsTable.Rows.Select(row => "--" + row.Name).Concat(OtherOptions).ToHashSet(StringComparer.Ordinal);
        var variables = OptionsTable.Rows.Select(row => row.Variable).ToHashSet(StringComparer.Ordinal);
        var unknown = new List<string>();
        foreach (var file in Repository.FilesWith(".md", ".yaml", ".yml"))
        {
            var text = Repository.Read(file);
            unknown.AddRange(Variables().Matches(text).Select(m => m.Value).Where(v => !variables.Contains(v)).Select(v => $"{file}: {v}"));
            unknown.AddRange(InlineOptions().Matches(text).Select(m => m.Groups[1].Value).Where(o => !options.Contains(o)).Select(o => $"{file}: {o}"));
        }

        Guard.None(unknown, "setting that does not exist");
    }

    [Fact]
    public void Files_shown_in_pages_are_shown_as_they_are()
    {
        var shown = Repository.FilesWith(".md").SelectMany(page => FileBlocks().Matches(Repository.Read(page)).Select(m => (page, m))).ToList();

        Assert.NotEmpty(shown);
        foreach (var (page, block) in shown)
            Assert.True(Repository.Read(block.Groups[1].Value).TrimEnd() == block.Groups[2].Value.TrimEnd(), $"{page}: {block.Groups[1].Value} differs from the file");
    }

    [Fact]
    public void Source_files_named_in_pages_exist()
    {
        var named = Repository.FilesWith(".md").SelectMany(page => SourceFiles().Matches(Repository.Read(page)).Select(m => (Page: page, File: m.Groups[1].Value))).ToList();

        Assert.NotEmpty(named);
        Guard.None(
            named.Where(n => !Path.Exists(Repository.PathOf(n.File)) && !Path.Exists(Path.Combine(Path.GetDirectoryName(Repository.PathOf(n.Page))!, n.File)))
                .Select(n => $"{n.Page}: {n.File}"),
            "path that does not exist");
    }

    [Fact]
    public void Every_page_of_docs_is_linked_from_the_README()
    {
        var readme = Repository.Read("README.md");

        Guard.None(
            Repository.FilesWith(".md").Where(file => file.StartsWith("docs/", StringComparison.Ordinal) && !readme.Contains($"]({file}", StringComparison.Ordinal)),
            "page without a link");
    }

    private static IEnumerable<string> Blocks(string page, string language) =>
        Fences().Matches(Repository.Read(page)).Where(m => m.Groups[1].Value == language).Select(m => m.Groups[2].Value);

    private static string WithoutCode(string text) => InlineCode().Replace(Fences().Replace(text, ""), "");

    /// <summary>Headings as GitHub makes anchors of them.</summary>
    private static IEnumerable<string> Anchors(string text) => Headings().Matches(text)
        .Select(m => NotInAnchors().Replace(m.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'));

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Links();

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Fences();

    /// <summary>A block behind a comment that names the file it shows.</summary>
    [GeneratedRegex(@"^<!-- file: (\S+) -->\n```\w*\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex FileBlocks();

    [GeneratedRegex("`[^`\n]+`")]
    private static partial Regex InlineCode();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Headings();

    [GeneratedRegex("[^a-z0-9 _-]")]
    private static partial Regex NotInAnchors();

    [GeneratedRegex(@"\bDRAINPROXY_[A-Z_]*[A-Z]\b")]
    private static partial Regex Variables();

    [GeneratedRegex(@"`((?:src/|tests/|bench/)?DrainProxy(?:\.\w+)?/[\w./]+)`")]
    private static partial Regex SourceFiles();

    [GeneratedRegex("`(--[a-z][a-z-]*)")]
    private static partial Regex InlineOptions();
}
