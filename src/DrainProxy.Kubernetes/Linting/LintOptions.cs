using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>What the manifests do not say.</summary>
/// <param name="MbPerRequest">Memory that one request takes at most, in MB, where no annotation says; 180 is what exports of a Rails app were seen to take.</param>
/// <param name="Version">The server's version.</param>
public sealed record LintOptions(decimal MbPerRequest, KubernetesVersion Version)
{
    public static LintOptions Default { get; } = new(180, KubernetesVersion.Newest);
}
