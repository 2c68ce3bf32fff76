namespace DrainProxy.Kubernetes.Linting.Rules;

/// <summary>A native sidecar that exits is started again.</summary>
internal sealed class SidecarStays() : LintRule(
    "sidecar-stays", Severity.Error, "A native sidecar exits after its drain, or a plain one does not",
    "A native sidecar that exits while the app still runs counts as failed; a plain one that stays keeps the pod until SIGKILL.",
    "Native: DRAINPROXY_AFTER_DRAIN=stay. Plain: leave it at exit.", SidecarPage)
{
    public override IEnumerable<Finding> Check(LintModel model)
    {
        foreach (var (workload, sidecar) in model.WithSidecar)
        {
            var after = workload.SidecarSetting("AFTER_DRAIN");
            var arguments = sidecar["args"].Texts.ToList();
            var stays = after.Text == "stay" || arguments.Contains("--after-drain=stay") || arguments.IndexOf("--after-drain") is >= 0 and var i && arguments.ElementAtOrDefault(i + 1) == "stay";
            if (workload.SidecarIsNative && !stays) yield return At(sidecar["env"], "a native sidecar without DRAINPROXY_AFTER_DRAIN=stay exits before the app");
            if (!workload.SidecarIsNative && stays) yield return At(after.Exists ? after : sidecar["args"], "a plain sidecar that stays ends with SIGKILL");
        }
    }
}
