using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Commands;

public sealed class PlanCommandTests
{
    [Fact]
    public void Prints_YAML_and_writes_the_picture()
    {
        var picture = Path.Combine(Path.GetTempPath(), $"drainproxy-plan-{Guid.NewGuid():N}.svg");
        try
        {
            var outcome = BuiltProgram.Run("plan", "--lb", "alb", "--grace", "90s", "--linger", "30s", "--quiet", "5s", "--svg", picture);

            Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
            Assert.Equal(90, Given.Manifests(outcome.Output)[0].Root["spec"]!["template"]!["spec"]!["terminationGracePeriodSeconds"].AsWhole());
            Assert.Contains("value: 30s", outcome.Output, StringComparison.Ordinal);
            Assert.Contains("DRAINPROXY_QUIET", outcome.Output, StringComparison.Ordinal);
            Assert.StartsWith("<svg ", File.ReadAllText(picture), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(picture);
        }
    }

    [Theory]
    [InlineData(78, "--lb", "elb")]
    [InlineData(78, "--grace", "10s", "--linger", "10s")]
    [InlineData(2, "--longest", "soon")]
    [InlineData(2, "--longest", "25h")]
    [InlineData(2, "--svg", "/no/such/folder/plan.svg")]
    [InlineData(2, "--listen", "0.0.0.0:80")]
    [InlineData(2, "stray")]
    public void Wrong_values_are_refused(int code, params string[] arguments)
    {
        var outcome = BuiltProgram.Run(["plan", .. arguments]);

        Assert.Equal(code, outcome.ExitCode);
        Assert.StartsWith("drainproxy: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }
}
