using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A hook that needs programs which small images do not have.</summary>
internal sealed partial class ExecHookShell() : LintRule(
    "exec-hook-shell", Severity.Error, "A hook runs a shell or sleep that the image does not have",
    "An exec hook that fails is as if it were not there: SIGTERM comes at once. Distroless, scratch and chiseled images have neither sh nor sleep.",
    "Use the sleep action (Kubernetes 1.30 or newer), an httpGet hook, or a program of the image.", HooksPage)
{
    private static readonly string[] Programs = ["sleep", "curl", "wget", "kill"];

    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var app in model.Workloads.SelectMany(w => w.Containers))
        {
            foreach (var hook in (string[])["preStop", "postStart"])
            {
                var command = app.To($"lifecycle.{hook}.exec.command");
                if (command.Items is not [{ Text: { } program }, ..] || !(Hooks.IsShell(program) || Programs.Contains(Path.GetFileName(program)))) continue;
                var small = SmallImages().IsMatch(app["image"].Text ?? "");
                yield return At(command, small
                    ? $"the hook runs {program}, and an image such as {app["image"].Text} has no such program: the hook fails at once"
                    : $"the hook needs {program} in the image {app["image"].Text}", grade: small ? Severity.Error : Severity.Info);
            }
        }
    }

    /// <summary>Those with a shell are left out: distroless debug, chainguard -dev, wolfi-base.</summary>
    [GeneratedRegex(@"distroless/(?!.*debug)|(^|/)scratch([:@]|$)|chiseled|cgr\.dev/chainguard/(?!wolfi-base|.*-dev)")]
    private static partial Regex SmallImages();
}
