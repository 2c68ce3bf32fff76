using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace DrainProxy.Repo.Tests;

/// <summary>What lies where, and who may know whom.</summary>
public sealed class LayoutTests
{
    private static readonly string[] TopLevel =
    [
        ".ci", ".dockerignore", ".editorconfig", ".gitignore", "BannedSymbols.txt", "bench", "deploy", "Directory.Build.props",
        "Directory.Packages.props", "Dockerfile", "docs", "DrainProxy.sln", "global.json", "LICENSE", "README.md", "src", "tests",
    ];

    /// <summary>Each project of src with those of ours that it may know.</summary>
    private static readonly Dictionary<string, string[]> MayKnow = new()
    {
        ["DrainProxy.Decisions"] = [],
        ["DrainProxy.Proxy"] = ["DrainProxy.Decisions"],
        ["DrainProxy.Kubernetes"] = ["DrainProxy.Decisions"],
        ["DrainProxy"] = ["DrainProxy.Decisions", "DrainProxy.Kubernetes", "DrainProxy.Proxy"],
    };

    [Fact]
    public void Top_level_holds_only_what_belongs_there() =>
        Guard.None(Repository.TrackedFiles.Select(file => file.Split('/')[0]).Distinct().Except(TopLevel), "not known at the top level");

    [Fact]
    public void License_is_the_full_text_of_Apache_2()
    {
        var text = Repository.Read("LICENSE");

        Assert.Contains("Apache License\n                           Version 2.0, January 2004", text, StringComparison.Ordinal);
        Assert.Contains("END OF TERMS AND CONDITIONS", text, StringComparison.Ordinal);
    }

    [Fact]
    public void References_between_projects_point_one_way()
    {
        var projects = Repository.FilesWith(".csproj").Where(file => file.StartsWith("src/", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(projects);
        foreach (var project in projects)
        {
            var name = Path.GetFileNameWithoutExtension(project);
            Assert.True(MayKnow.ContainsKey(name), $"{project} is in no layer: decide whom it may know");
            Guard.None(Includes(project, "ProjectReference").Select(Path.GetFileNameWithoutExtension).Except(MayKnow[name]), $"not for {name} to know");
        }
    }

    [Fact]
    public void Decisions_stays_pure()
    {
        const string Project = "src/DrainProxy.Decisions/DrainProxy.Decisions.csproj";

        Assert.Equal("Microsoft.NET.Sdk", Load(Project).Root!.Attribute("Sdk")!.Value);
        Assert.Empty(Includes(Project, "PackageReference"));
        Assert.Empty(Includes(Project, "FrameworkReference"));
        Assert.Contains("BannedSymbols.Pure.txt", Includes(Project, "AdditionalFiles"));
        Guard.None(
            Sources("src/DrainProxy.Decisions/").Where(file => Regex.IsMatch(Repository.Read(file), @"\b(Microsoft\.AspNetCore|System\.Net\.(Sockets|Http)|System\.IO)\b")),
            "not pure");
    }

    [Fact]
    public void Namespaces_follow_folders()
    {
        var wrong = new List<string>();
        foreach (var file in Sources("src/").Concat(Sources("tests/")).Concat(Sources("bench/")))
        {
            var declared = Regex.Match(Repository.Read(file), @"^namespace ([\w.]+);", RegexOptions.Multiline);
            var expected = Path.GetDirectoryName(file)!.Split('/', 2)[1].Replace('/', '.');
            if (declared.Success && declared.Groups[1].Value != expected) wrong.Add($"{file}: {declared.Groups[1].Value}, not {expected}");
        }

        Guard.None(wrong, "namespace that is not the folder");
    }

    [Fact]
    public void Every_project_is_in_the_solution_with_its_lock_file()
    {
        var solution = Repository.Read("DrainProxy.sln").Replace('\\', '/');
        foreach (var project in Repository.FilesWith(".csproj"))
        {
            Assert.Contains($"\"{project}\"", solution, StringComparison.Ordinal);
            Assert.Contains(Path.GetDirectoryName(project) + "/packages.lock.json", Repository.TrackedFiles);
        }
    }

    [Fact]
    public void Package_versions_are_stated_in_one_place() =>
        Guard.None(
            Repository.FilesWith(".csproj").Where(file => Load(file).Descendants("PackageReference").Any(p => p.Attribute("Version") is not null)),
            "project with a version of its own");

    private static IEnumerable<string> Sources(string folder) =>
        Repository.FilesWith(".cs").Where(file => file.StartsWith(folder, StringComparison.Ordinal));

    private static XDocument Load(string project) => XDocument.Load(Repository.PathOf(project));

    private static IEnumerable<string> Includes(string project, string item) => Load(project).Descendants(item).Select(e => e.Attribute("Include")!.Value);
}
