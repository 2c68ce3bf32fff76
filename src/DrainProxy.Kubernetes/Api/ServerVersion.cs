using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Api;

/// <summary>The API server's version, which decides between native and plain sidecars; looked at again after upgrades.</summary>
internal sealed class ServerVersion(ApiClient api, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TryAgainAtFirst = TimeSpan.FromSeconds(1);
    private volatile KubernetesVersion? told;

    /// <summary>What is not known counts as the newest.</summary>
    public KubernetesVersion Current => told ?? KubernetesVersion.Newest;

    /// <summary>Why this replica should not be called yet; null once the server has told. A native sidecar makes a server before 1.29 refuse the pod.</summary>
    public string? Unready => told is null ? "the API server has not told its version yet" : null;

    public async Task Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var pause = LookEvery;
            try
            {
                var version = await api.Get("/version", cancel);
                told = KubernetesVersion.TryParse($"{version.Text("major")}.{version.Text("minor")}") ?? KubernetesVersion.Newest;
            }
            catch (ApiException e) when (!e.PassesBy)
            {
                // It answers, and does not tell.
                (told, pause) = (told ?? KubernetesVersion.Newest, TryAgainAfter);
            }
#pragma warning disable CA1031 // Not knowing the version is no reason to stop asking for it.
            catch (Exception)
#pragma warning restore CA1031
            {
                pause = told is null ? TryAgainAtFirst : TryAgainAfter;
            }

            await WatchedObject.Pause(pause, time, cancel);
        }
    }
}
