using System.Text.RegularExpressions;
using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Repo.Tests;

/// <summary>The manifests that users copy: settings that the program takes, and a plan without a warning.</summary>
public sealed partial class SidecarExampleTests
{
    public static TheoryData<string> Manifests => [.. Repository.FilesWith(".yaml").Where(file => file.StartsWith("deploy/sidecar/", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Settings_are_valid_and_the_plan_fits_the_grace(string manifest)
    {
        var text = Repository.Read(manifest);
        var environment = Variables().Matches(text).ToDictionary(m => m.Groups[1].Value, m => m.Groups[2].Value);
        var bound = SettingsBinder.Bind(new Dictionary<string, IReadOnlyList<string>>(), environment);

        Assert.NotEmpty(environment);
        Guard.None(bound.Errors.Select(e => e.ToString()).Concat(bound.Warnings), "complaint about the settings");
        var settings = bound.Settings!;
        Assert.Equal(int.Parse(Grace().Match(text).Groups[1].Value), settings.Grace.TotalSeconds);
        Guard.None(
            BudgetPlanner.Plan(new(
                settings.Grace, settings.Lb, settings.Linger, settings.Quiet, settings.DrainTimeout, settings.AnnounceDelay, settings.AppStop)).Warnings,
            "warning of the plan");
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Native_sidecars_stay_and_plain_ones_exit(string manifest)
    {
        var text = Repository.Read(manifest);

        Assert.Equal(text.Contains("restartPolicy: Always", StringComparison.Ordinal), text.Contains("value: stay", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Manifests))]
    public void Hooks_and_ports_are_the_images(string manifest)
    {
        var text = Repository.Read(manifest);
        var image = DockerImage.Parse(Repository.Read("Dockerfile"))[^1];

        Assert.Contains($"command: [\"{image.Single("ENTRYPOINT").ExecForm[0]}\", \"signal\", \"terminating\"]", text, StringComparison.Ordinal);
        Assert.All(image.Single("EXPOSE").Words, port => Assert.Contains($"containerPort: {port}", text, StringComparison.Ordinal));
        Assert.Contains("path: /drain/wait", text, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"- name: (DRAINPROXY_\w+)\s+value: (\S+)")]
    private static partial Regex Variables();

    [GeneratedRegex(@"terminationGracePeriodSeconds: (\d+)")]
    private static partial Regex Grace();
}
