using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Api;

/// <summary>The API server's version, which decides between native and plain sidecars; looked at again after upgrades.</summary>
internal sealed class ServerVersion(ApiClient api, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromHours(1);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(10);

    /// <summary>What is not known counts as the newest.</summary>
    public KubernetesVersion Current { get; private set; } = KubernetesVersion.Newest;

    public async Task Run(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var pause = LookEvery;
            try
            {
                var told = await api.Get("/version", cancel);
                Current = KubernetesVersion.TryParse($"{told.Text("major")}.{told.Text("minor")}") ?? KubernetesVersion.Newest;
            }
#pragma warning disable CA1031 // Not knowing the version is no reason to stop asking for it.
            catch (Exception)
#pragma warning restore CA1031
            {
                pause = TryAgainAfter;
            }

            await WatchedObject.Pause(pause, time, cancel);
        }
    }
}
