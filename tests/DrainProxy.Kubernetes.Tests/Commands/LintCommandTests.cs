using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Commands;

public sealed class LintCommandTests
{
    private const string Good = "deploy/examples/shop.yaml";
    private const string Bad = "deploy/examples/bad.yaml";

    [Theory]
    [InlineData(Good, 0)]
    [InlineData(Bad, 1)]
    public void Errors_found_are_1(string file, int code)
    {
        foreach (var format in (string[])["text", "json", "sarif"])
        {
            var outcome = BuiltProgram.Run("lint", "-f", file, "--format", format);

            Assert.Equal(code, outcome.ExitCode);
            Assert.NotEmpty(outcome.Output);
            Assert.Empty(outcome.Error);
        }
    }

    [Fact]
    public void Json_is_the_contracts()
    {
        var findings = JsonNode.Parse(BuiltProgram.Run("lint", Bad, "--format", "json").Output)!["findings"]!.AsArray();

        Assert.All(findings, f => Assert.Equal(
            ["rule", "severity", "file", "line", "object", "field", "message", "fix", "source"], f!.AsObject().Select(m => m.Key)));
        Assert.Contains(findings, f => f!["severity"].AsText() == "error" && f["file"].AsText() == Bad && f["object"].AsText() == "Deployment/default/shop");
    }

    [Fact]
    public void Text_says_file_line_severity_and_rule_without_colours_in_a_pipe()
    {
        var output = BuiltProgram.Run("lint", Bad).Output;

        Assert.Matches($@"(^|\n){Bad}:\d+: error no-drain-delay: ", output);
        Assert.DoesNotContain('\u001b', output);
        Assert.Matches(@"\n\d+ error, \d+ warning, \d+ info\n$", output);
    }

    [Fact]
    public void A_rule_is_explained_without_a_manifest()
    {
        var outcome = BuiltProgram.Run("lint", "--explain", "no-drain-delay");

        Assert.Equal(0, outcome.ExitCode);
        Assert.StartsWith("no-drain-delay (error): ", outcome.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_broken_file_is_2_with_its_line()
    {
        var outcome = BuiltProgram.RunWith("a: 1\nb: [", "lint", "-");

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("drainproxy: -:2: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Theory]
    [InlineData("lint")]
    [InlineData("lint", "/no/such/file")]
    [InlineData("lint", Good, "--format", "xml")]
    [InlineData("lint", Good, "--mb-per-request", "0")]
    [InlineData("lint", Good, "--mb-per-request", "much")]
    [InlineData("lint", "--explain", "no-such-rule")]
    public void A_wrong_command_line_is_2(params string[] arguments)
    {
        var outcome = BuiltProgram.Run(arguments);

        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("drainproxy: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }
}
