using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Supervision;

/// <summary>How a recycling ended, label `result` of `app_recycles_total`.</summary>
public enum Recycled
{
    /// <summary>The app was stopped, and is started again by whoever runs it; or the supervisor has replaced it.</summary>
    Done,

    /// <summary>The app's process is not to be seen: no shared PID namespace, or nobody listens. Nothing was done.</summary>
    NotSeen,

    /// <summary>The signal is not permitted: another user. Nothing was done, requests go on.</summary>
    NotPermitted,

    /// <summary>Requests were under way to it for too long. Nothing was done, requests go on.</summary>
    NotQuiet,

    /// <summary>The new process did not come to answer. The old one serves on.</summary>
    NotStarted,
}

/// <summary>
/// Restarts the app in its pod: holds new requests, waits until none is under way, and tells the app's main process to stop, across a shared
/// PID namespace. The kubelet starts the container again; requests are let go when the app answers. When to do so is not decided here.
/// </summary>
/// <param name="targets">Where the app is, first; then other listeners' apps, held as well where they turn out to be of the same process. Each counts its use.</param>
/// <param name="streams">Open streams; those without an end of their own are ended, and their clients open them anew.</param>
/// <param name="drainLimit">How long requests under way are waited for; new ones are held meanwhile, so well below the hold timeout.</param>
/// <param name="appStop">From SIGTERM to SIGKILL.</param>
internal sealed partial class AppRecycler(
    IReadOnlyList<AppTarget> targets, StreamRegistry streams, TimeSpan drainLimit, TimeSpan appStop, TimeProvider time, ILogger log)
    : IRecycler, IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private readonly SemaphoreSlim one = new(1, 1);

    /// <summary>Requests with the app now; those that are held or queued are not.</summary>
    public int UnderWay
    {
        get
        {
            var sum = 0;
            foreach (var target in targets) sum += target.Use!.Count;
            return sum;
        }
    }

    /// <summary>Whether it could be told to stop. Looks through all processes.</summary>
    public Reach CanReach() => MainProcess.Find(targets[0].Address).Reach;

    /// <summary>One at a time; whoever comes meanwhile waits, and finds a new process.</summary>
    /// <param name="mayCut">Asked when the drain limit is over with requests still under way: whether the app is told all the same, and has until app-stop to answer them.</param>
    /// <param name="cancel">Gives up while nothing has been done yet; an app that has been told is seen to its end.</param>
    /// <returns>How it ended, and whom it was about.</returns>
    public async Task<(Recycled How, int Process)> Recycle(Func<bool> mayCut, CancellationToken cancel)
    {
        await one.WaitAsync(cancel);
        try
        {
            var (found, reach) = MainProcess.Find(targets[0].Address);
            if (found is not { } main || reach != Reach.Reachable) return (reach == Reach.NotPermitted ? Recycled.NotPermitted : Recycled.NotSeen, found?.Id ?? 0);
            AppTarget[] concerned = [targets[0], .. targets.Skip(1).Where(t => MainProcess.Of(t.Address) == main)];
            var told = false;
            foreach (var target in concerned) target.Monitor.Suspend();
            try
            {
                if (!await Quiet(concerned, cancel) && !mayCut()) return (Recycled.NotQuiet, main.Id);
                // Between the look and the signal it may have ended by itself: then nothing of it is left to be told.
                if (main.Lives && !PosixProcess.Signal(main.Id, PosixProcess.Sigterm) && main.Lives) return (Recycled.NotPermitted, main.Id);
                told = true;
                await End(main);
                return (Recycled.Done, main.Id);
            }
            finally
            {
                foreach (var target in concerned) target.Monitor.Resume(same: !told);
            }
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private async Task<bool> Quiet(AppTarget[] concerned, CancellationToken cancel)
    {
        foreach (var stream in streams.Of(StreamKind.Sse, StreamKind.Websocket)) stream.End();
        var since = time.GetTimestamp();
        while (concerned.Any(t => t.Use!.Count > 0))
        {
            if (time.GetElapsedTime(since) >= drainLimit) return false;
            await Task.Delay(Look, time, cancel);
        }

        // A server that closes gracefully would wait for connections that nobody uses.
        foreach (var target in concerned) target.Pool.Renew();
        return true;
    }

    private async Task End(Pressure.AppProcess main)
    {
        var since = time.GetTimestamp();
        var killed = false;
        while (main.Lives)
        {
            if (!killed && time.GetElapsedTime(since) >= appStop)
            {
                killed = true;
                LogKilled(log, main.Id, appStop.TotalSeconds);
                PosixProcess.Signal(main.Id, PosixProcess.Sigkill);
            }

            // A process that nobody reaps, or one in the kernel's hands, does not hold the requests for ever: the monitor looks for itself.
            if (killed && time.GetElapsedTime(since) >= appStop + appStop) return;
            await Task.Delay(Look, time);
        }
    }

    [LoggerMessage(239, LogLevel.Warning, "App (process {Id}) has not ended {Seconds:0.0} s after SIGTERM: killed", EventName = "app_killed")]
    private static partial void LogKilled(ILogger log, int id, double seconds);
}
