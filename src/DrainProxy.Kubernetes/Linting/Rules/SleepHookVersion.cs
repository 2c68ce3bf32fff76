namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>The sleep action on servers that do not know it.</summary>
internal sealed class SleepHookVersion() : LintRule(
    "sleep-hook-version", Severity.Error, "The sleep action is not known to the server",
    "The sleep action of hooks is on by default since Kubernetes 1.30. An older server drops the field or refuses the pod; dropped, there is no delay at all.",
    "On older servers use exec: {command: [sleep, \"15\"]}, or DrainProxy's /drain/wait.", HooksPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        var version = model.Options.Version;
        var known = version.Major > 1 || version.Minor >= 30;
        foreach (var app in model.Workloads.SelectMany(w => w.Containers))
        {
            var sleep = app.To("lifecycle.preStop.sleep");
            if (!sleep.Exists) continue;
            yield return known
                ? At(sleep, "the sleep action needs Kubernetes 1.30 or newer; --kubernetes-version checks against yours", grade: Severity.Info)
                : At(sleep, $"the sleep action is not there in Kubernetes {version.Major}.{version.Minor}: it needs 1.30");
        }
    }
}
