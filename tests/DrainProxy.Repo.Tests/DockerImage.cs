using System.Text.Json;
using System.Text.RegularExpressions;

namespace DrainProxy.Repo.Tests;

/// <summary>One instruction of a Dockerfile.</summary>
internal sealed record Instruction(string Name, string Arguments)
{
    /// <summary>The arguments without leading --options.</summary>
    public string[] Words => [.. Arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries).SkipWhile(w => w.StartsWith("--", StringComparison.Ordinal))];

    public string[] ExecForm => JsonSerializer.Deserialize<string[]>(Arguments)!;

    public string? Option(string name) => Regex.Match(Arguments, $@"(?<=^|\s)--{name}=(\S+)") is { Success: true } match ? match.Groups[1].Value : null;
}

/// <summary>One stage: its base, its name, and what is done in it.</summary>
internal sealed record Stage(string Base, string Name, IReadOnlyList<Instruction> Instructions)
{
    public Instruction Single(string name) => Instructions.Single(i => i.Name == name);
}

/// <summary>
/// Reads the Dockerfile and does what it says in folders that stand for the stages' file systems: COPY (with .dockerignore), WORKDIR and RUN. Base
/// images are not there, so the machine's SDK does the work; instructions that this cannot do fail the test instead of being left out.
/// </summary>
internal sealed class DockerImage(string scratch)
{
    private readonly Dictionary<string, string> roots = [];

    public static IReadOnlyList<Stage> Parse(string text)
    {
        var stages = new List<Stage>();
        var joined = Regex.Replace(text.ReplaceLineEndings("\n"), @"(?m)^\s*#.*\n", "").Replace("\\\n", " ", StringComparison.Ordinal);
        foreach (var line in joined.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var (name, arguments) = line.Split(' ', 2) is [var n, var a] ? (n.ToUpperInvariant(), a) : (line, "");
            if (name == "FROM")
            {
                var words = new Instruction(name, arguments).Words;
                stages.Add(new(words[0], words is [_, _, var alias] ? alias : $"{stages.Count}", new List<Instruction>()));
            }
            else
            {
                ((List<Instruction>)stages[^1].Instructions).Add(new(name, arguments));
            }
        }

        return stages;
    }

    /// <summary>Builds all stages from a context folder; returns the folder that stands for the last one's root.</summary>
    public string Build(IReadOnlyList<Stage> stages, string context)
    {
        foreach (var path in Ignored(context)) File.Delete(path);
        foreach (var stage in stages)
        {
            var root = Path.Combine(scratch, "stage-" + stage.Name);
            var folder = "/";
            roots[stage.Name] = Directory.CreateDirectory(root).FullName;
            foreach (var instruction in stage.Instructions)
            {
                switch (instruction.Name)
                {
                    case "WORKDIR":
                        folder = Path.Combine(folder, instruction.Arguments);
                        Directory.CreateDirectory(root + folder);
                        break;
                    case "COPY":
                        Copy(instruction, context, root, folder);
                        break;
                    case "RUN":
                        Run(instruction.Arguments, root + folder);
                        break;
                    case "USER" or "EXPOSE" or "ENTRYPOINT" or "CMD":
                        break;
                    default:
                        Assert.Fail($"{instruction.Name}: this test cannot tell what it does");
                        break;
                }
            }
        }

        return roots[stages[^1].Name];
    }

    private static void Run(string command, string folder)
    {
        var environment = new Dictionary<string, string?> { ["MSBUILDDISABLENODEREUSE"] = "1", ["UseSharedCompilation"] = "false", ["CI"] = null };
        // What the surrounding test run tells its own MSBuild is not for this one.
        foreach (string name in Environment.GetEnvironmentVariables().Keys)
        {
            if (name.StartsWith("MSBuild", StringComparison.Ordinal) || name is "MSBUILD_EXE_PATH" or "VSTEST_HOST_DEBUG" or "DOTNET_HOST_PATH")
                environment[name] = null;
        }

        var result = Command.Run("/bin/sh", ["-c", command], folder, environment);
        Assert.True(result.ExitCode == 0, $"RUN {command}\n{result.Text}");
    }

    private void Copy(Instruction copy, string context, string root, string folder)
    {
        var from = copy.Option("from") is { } stage ? roots[stage] : context;
        var words = copy.Words;
        var target = root + Path.Combine(folder, words[^1]);
        foreach (var word in words[..^1])
        {
            var source = Path.Combine(from, word.TrimStart('/'));
            if (Directory.Exists(source)) CopyFolder(source, target);
            else CopyFile(source, words[^1].EndsWith('/') ? Path.Combine(target, Path.GetFileName(source)) : target);
        }
    }

    private static void CopyFolder(string source, string target)
    {
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
            CopyFile(file, Path.Combine(target, Path.GetRelativePath(source, file)));
    }

    private static void CopyFile(string source, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(source, target, overwrite: true);
    }

    /// <summary>What .dockerignore keeps out of the context: names at the top, and `**/name` at any depth.</summary>
    private static List<string> Ignored(string context)
    {
        var patterns = File.ReadAllLines(Path.Combine(context, ".dockerignore")).Where(line => line.Length > 0 && line[0] != '#').ToList();
        return [.. Directory.EnumerateFiles(context, "*", SearchOption.AllDirectories).Where(file =>
        {
            var parts = Path.GetRelativePath(context, file).Split('/');
            return patterns.Any(p => p.StartsWith("**/", StringComparison.Ordinal) ? parts.Contains(p[3..]) : parts[0] == p);
        })];
    }
}
