using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Linting.Rules;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>All rules over some manifests. Pure: the same findings in the same order for the same input.</summary>
public static partial class Linter
{
    private const string Ignore = InjectionNames.Prefix + "lint-ignore";

    internal static IReadOnlyList<LintRule> Rules { get; } =
    [
        new GraceBudgetRule(), new NoDrainDelay(), new ExecHookShell(), new SleepHookVersion(), new HookTarget(), new NoReadiness(), new ReadinessLag(), new ProbesIdentical(),
        new TargetPortUnresolved(), new TargetPortBypass(), new NetworkPolicyHidesSidecar(), new PublishNotReady(), new RolloutGap(), new SingleReplica(), new PdbMissing(), new PdbBlocks(),
        new HpaScaleDown(), new ReplicasBesideHpa(), new GkeNeg(), new GkeDraining(), new GkeReadinessGate(), new GkeHealthCheck(), new AwsTargetType(), new AwsReadinessGate(), new AwsDeregistration(), new SafeToEvict(),
        new ScaledToZero(), new ExternalTrafficLocal(), new NodeExclusion(), new MemoryLimit(), new MemoryConcurrency(), new KeepAliveBelowLb(), new SidecarStartDeadlock(), new SidecarHooks(),
        new SidecarStays(), new MeshOrder(), new WebhookHygiene(), new ConntrackLiberal(), new SuppressionReason(),
    ];

    /// <summary>Ids, in the order in which they are told.</summary>
    public static IReadOnlyList<string> RuleIds { get; } = [.. Rules.Select(r => r.Id)];

    /// <summary>What is wrong, in the order of files and lines; suppressed findings are left out.</summary>
    public static IReadOnlyList<Finding> Lint(IReadOnlyList<Manifest> manifests, LintOptions options)
    {
        var model = new LintModel(manifests, options);
        var suppressed = manifests.SelectMany(KubeObject.In).SelectMany(o => Suppressions(o).Where(s => s.Reason.Length > 0).Select(s => (o.Source.File, Target(o), s.Rule))).ToHashSet();
        var files = manifests.Select(m => m.File).Distinct().ToList();
        return [.. Rules.SelectMany(rule => rule.Check(model))
            .Where(f => !suppressed.Contains((f.File, f.Target, f.Rule)))
            .DistinctBy(f => (f.Rule, f.File, f.Line, f.Target, f.Field, f.Message))
            .OrderBy(f => files.IndexOf(f.File)).ThenBy(f => f.Line)];
    }

    /// <summary>Title, reason, remedy and source of a rule; null when there is none of that name.</summary>
    public static string? Explain(string id) => Rules.FirstOrDefault(r => r.Id == id) is { } rule
        ? $"{rule.Id} ({Name(rule.Severity)}): {rule.Title}\n\nWhy: {rule.Why}\nFix: {rule.Remedy}\nSource: {rule.Source}\n"
        : null;

    internal static string Name(Severity severity) => severity.ToString().ToLowerInvariant();

    /// <summary>`rule: reason`, several separated by semicolons, in an annotation of the object or of its pods.</summary>
    internal static IEnumerable<(string Rule, string Reason, Field Field)> Suppressions(KubeObject o)
    {
        var root = Field.Of(o);
        var annotations = new List<Field> { root.To("metadata.annotations")[Ignore] };
        if (o.PodPath is { Steps.Count: > 0 } path) annotations.Add(new Field(o, o.Json.At(path), path).To("metadata.annotations")[Ignore]);
        foreach (var field in annotations)
        {
            foreach (var part in (field.Text ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                var match = Suppression().Match(part);
                yield return (match.Groups[1].Value, match.Groups[2].Value.Trim(), field);
            }
        }
    }

    private static string Target(KubeObject o) => $"{o.Kind}/{o.Namespace}/{o.Name}";

    [GeneratedRegex(@"^([^:\s]+)\s*:?(.*)\z", RegexOptions.Singleline)]
    private static partial Regex Suppression();
}
