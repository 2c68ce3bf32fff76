using System.Net;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Api;

/// <summary>One object of the cluster, kept up to date: listed once, then watched; a watch that ends goes on where it ended.</summary>
internal sealed partial class WatchedObject(ApiClient api, string folder, string name, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);
    private volatile JsonObject? current;
    private volatile bool known;

    /// <summary>The object as last seen; null when there is none, or nothing is known yet.</summary>
    public JsonObject? Current => current;

    /// <summary>It has been asked for successfully at least once.</summary>
    public bool Known => known;

    /// <summary>After each change, from the watching loop.</summary>
    public event Action? Changed;

    /// <summary>Runs until cancelled; faults are told and tried again.</summary>
    public async Task Run(CancellationToken cancel)
    {
        string? version = null;
        var pause = FirstPause;
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                version ??= await List(cancel);
                await foreach (var (type, what) in api.Watch(folder, name, version, cancel))
                {
                    version = what.Object("metadata").Text("resourceVersion") ?? version;
                    pause = FirstPause;
                    // A bookmark only says how far the watch has come.
                    if (type is "ADDED" or "MODIFIED") Set(what);
                    else if (type == "DELETED") Set(null);
                }

                // A server that ends each watch at once is not to be asked without a pause.
                await Pause(FirstPause, time, cancel);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Whatever it is: a loop that ends would leave this replica with an old certificate, and nobody would be told.
            catch (Exception e)
#pragma warning restore CA1031
            {
                // 410: what happened since is not known any more, but what there is now is. A server that says so each time is not to be asked without a pause.
                if (e is ApiException { IsGone: true } or ApiException { Status: HttpStatusCode.BadRequest }) version = null;
                else if (e is not OperationCanceledException) LogInterrupted(log, name, e.Message);
                var asked = (e as ApiException)?.RetryAfter ?? TimeSpan.Zero;
                await Pause(asked < pause ? pause : asked < LongestPause ? asked : LongestPause, time, cancel);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }
    }

    /// <summary>Spread, so that all replicas do not come back in the same moment.</summary>
    internal static Task Pause(TimeSpan pause, TimeProvider time, CancellationToken cancel) =>
        Task.Delay(pause * (0.75 + (Random.Shared.NextDouble() / 2)), time, cancel).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

    private async Task<string> List(CancellationToken cancel)
    {
        var list = await api.List(folder, name, cancel);
        Set(list.Objects("items").FirstOrDefault(o => o.Object("metadata").Text("name") == name));
        return list.Object("metadata").Text("resourceVersion") ?? "";
    }

    private void Set(JsonObject? seen)
    {
        current = seen;
        known = true;
        Changed?.Invoke();
    }

    [LoggerMessage(610, LogLevel.Warning, "Watching {Name} was interrupted: {Reason}", EventName = "watch_interrupted")]
    private static partial void LogInterrupted(ILogger log, string name, string reason);
}
