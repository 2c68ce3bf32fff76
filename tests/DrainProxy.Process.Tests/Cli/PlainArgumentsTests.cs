using System.CommandLine;
using DrainProxy.Commands;

namespace DrainProxy.Process.Tests.Cli;

/// <summary>A plain `run` is read without the full parser; both must read the same.</summary>
public sealed class PlainArgumentsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("--grace 30s")]
    [InlineData("--grace=30s")]
    [InlineData("--grace 30s --grace=40s --lb alb")]
    [InlineData("--map 8081=http://127.0.0.1:3001 --map=8082=unix:/run/a.sock --grace 1s")]
    [InlineData("--listen [::]:8080 --app http://[::1]:3000")]
    [InlineData("--health-path /h --app-health /?")]
    [InlineData("--config @file --lb [suggest]")]
    [InlineData("--listen :8080 --max-body 1.5G")]
    public void Both_readers_read_the_same(string commandLine)
    {
        var args = commandLine.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var plain = PlainArguments.TryRead(args);
        Assert.NotNull(plain);
        Assert.Equal(Flat(Full(args)), Flat(plain));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("--grace")]
    [InlineData("--grace=")]
    [InlineData("--grace -5s")]
    [InlineData("--grace --lb alb")]
    [InlineData("--bogus 1")]
    [InlineData("--Grace 30s")]
    [InlineData("stray")]
    [InlineData("--grace 30s --help")]
    [InlineData("-- --grace 30s")]
    public void What_is_not_plain_is_left_to_the_full_parser(string commandLine) => Assert.Null(PlainArguments.TryRead(commandLine.Split(' ')));

    private static Dictionary<string, IReadOnlyList<string>> Full(string[] args)
    {
        var command = new Command("run");
        var options = SettingOptions.AddTo(command);
        var root = new RootCommand { command };
        var result = CommandTable.Parse(root, ["run", .. args]);
        Assert.Empty(result.Errors);
        return options.Read(result);
    }

    private static IEnumerable<string> Flat(Dictionary<string, IReadOnlyList<string>> given) =>
        given.OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key}: {string.Join(" | ", g.Value)}");
}
