using System.Globalization;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>The API server's version, as far as injection asks for it.</summary>
public sealed partial record KubernetesVersion(int Major, int Minor)
{
    /// <summary>What is not known counts as the newest.</summary>
    public static KubernetesVersion Newest { get; } = new(int.MaxValue, 0);

    /// <summary>Init containers with restartPolicy Always are on by default since 1.29.</summary>
    public bool HasNativeSidecars => Major > 1 || (Major == 1 && Minor >= 29);

    /// <summary>Reads `1.31`, `v1.31.2`, `1.29+` and `v1.30.1-gke.1`; null for anything else.</summary>
    public static KubernetesVersion? TryParse(string text) =>
        Form().Match(text) is { Success: true } match
        && int.TryParse(match.Groups[1].Value, CultureInfo.InvariantCulture, out var major)
        && int.TryParse(match.Groups[2].Value, CultureInfo.InvariantCulture, out var minor)
            ? new(major, minor)
            : null;

    [GeneratedRegex(@"^v?([0-9]+)\.([0-9]+)([.+-].*)?\z")]
    private static partial Regex Form();
}

/// <summary>What the injection knows beside the pod.</summary>
/// <param name="Services">The Services of the pod's namespace; those whose selector does not fit are not looked at.</param>
/// <param name="Version">The server's version.</param>
/// <param name="Image">The sidecar's image where no annotation names one.</param>
public sealed record InjectionRequest(IReadOnlyList<JsonObject> Services, KubernetesVersion Version, string Image)
{
    /// <summary>No Services, the newest Kubernetes, the image of this version.</summary>
    public static InjectionRequest Default { get; } = new([], KubernetesVersion.Newest, "drainproxy:" + ProgramVersion);

    /// <summary>Whom the sidecars ask whether their node goes, as `run --node-notice`; the same for a whole cluster, hence no annotation. Null: nobody.</summary>
    public string? NodeNotice { get; init; }

    internal static string ProgramVersion => typeof(InjectionRequest).Assembly.GetName().Version!.ToString(3);
}

/// <summary>What is to be done to a pod: a patch, or the reason why there is none.</summary>
/// <param name="Patch">RFC 6902; empty when nothing is to be changed.</param>
/// <param name="Skipped">Why the pod stays as it is; null when it was dealt with.</param>
public sealed record InjectionResult(JsonArray Patch, string? Skipped, IReadOnlyList<string> Warnings)
{
    internal static InjectionResult Skip(string reason, IReadOnlyList<string>? warnings = null) => new([], reason, warnings ?? []);
}
