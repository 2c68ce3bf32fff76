using DrainProxy.Proxy.Settings;

namespace DrainProxy.Process.Tests.Cli;

public sealed class HelpTests
{
    [Theory]
    [InlineData("run")]
    [InlineData("dev")]
    [InlineData("config show")]
    public async Task The_help_lists_every_option_with_its_default(string command)
    {
        var outcome = await BuiltProgram.RunAsync([.. command.Split(' '), "--help"]);
        Assert.Equal(0, outcome.ExitCode);
        foreach (var row in OptionsTable.Rows)
        {
            Assert.Contains($"--{row.Name} <{row.Placeholder}>", outcome.Output, StringComparison.Ordinal);
            Assert.Contains($"[{(command == "dev" && row.DevDefault is not null ? row.DevDefault : row.Default)}]", outcome.Output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_help_lists_every_command_and_no_hidden_one()
    {
        var outcome = await BuiltProgram.RunAsync("--help");
        Assert.Equal(0, outcome.ExitCode);
        foreach (var command in (string[])["run", "dev", "demo", "inject", "uninject", "lint", "plan", "signal", "config"])
            Assert.Contains($"\n  {command} ", outcome.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("demo-app", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_asked_is_help_and_no_success()
    {
        var outcome = await BuiltProgram.RunAsync();
        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("Usage:", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Fact]
    public async Task The_version_is_one_line()
    {
        var outcome = await BuiltProgram.RunAsync("--version");
        Assert.Equal(0, outcome.ExitCode);
        Assert.Matches(@"^drainproxy \d+\.\d+\.\d+\S*\n$", outcome.Output);
    }
}
