using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Supervision;

/// <summary>How a recycling ended.</summary>
internal enum Recycled
{
    /// <summary>The app was stopped; requests are held until it answers again.</summary>
    Stopped,

    /// <summary>The app's process is not to be seen: no shared PID namespace, or nobody listens. Nothing was done.</summary>
    NotSeen,

    /// <summary>Requests were under way to it for too long. Nothing was done, requests go on.</summary>
    NotQuiet,

    /// <summary>The signal is not permitted: another user. Nothing was done, requests go on.</summary>
    NotPermitted,
}

/// <summary>
/// Restarts the app in its pod: holds new requests, waits until none is under way, and tells the app's main process to stop, across a shared
/// PID namespace. The kubelet starts the container again; requests are let go when the app answers. When to do so is not decided here.
/// </summary>
/// <param name="listener">The app's target.</param>
/// <param name="underWay">Requests that are with the app now: neither held nor answered.</param>
/// <param name="streams">Open streams; those without an end of their own are ended, and their clients open them anew.</param>
/// <param name="drainLimit">How long requests under way are waited for; new ones are held meanwhile, so well below the hold timeout.</param>
/// <param name="appStop">From SIGTERM to SIGKILL.</param>
internal sealed partial class AppRecycler(
    AppTarget listener, Func<long> underWay, StreamRegistry streams, TimeSpan drainLimit, TimeSpan appStop, TimeProvider time, ILogger log)
    : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private readonly SemaphoreSlim one = new(1, 1);

    /// <summary>One at a time; whoever comes meanwhile waits, and finds a new process.</summary>
    /// <param name="reason">Why, for the log.</param>
    /// <param name="cancel">Gives up while nothing has been done yet; an app that has been told is seen to its end.</param>
    public async Task<Recycled> Recycle(string reason, CancellationToken cancel)
    {
        await one.WaitAsync(cancel);
        try
        {
            if (MainProcess.Of(listener.Address) is not { } main) return Tell(Recycled.NotSeen, reason, 0);
            listener.Monitor.Suspend();
            try
            {
                if (!await Quiet(cancel)) return Tell(Recycled.NotQuiet, reason, main.Id);
                // Between the look and the signal it may have ended by itself: then nothing of it is left to be told.
                if (main.Lives && !PosixProcess.Signal(main.Id, PosixProcess.Sigterm) && main.Lives) return Tell(Recycled.NotPermitted, reason, main.Id);
                await End(main);
                return Tell(Recycled.Stopped, reason, main.Id);
            }
            finally
            {
                listener.Monitor.Resume();
            }
        }
        finally
        {
            one.Release();
        }
    }

    public void Dispose() => one.Dispose();

    private async Task<bool> Quiet(CancellationToken cancel)
    {
        foreach (var stream in streams.Of(StreamKind.Sse, StreamKind.Websocket)) stream.End();
        var since = time.GetTimestamp();
        while (underWay() > 0)
        {
            if (time.GetElapsedTime(since) >= drainLimit) return false;
            await Task.Delay(Look, time, cancel);
        }

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

    private Recycled Tell(Recycled how, string reason, int process)
    {
        LogRecycled(log, reason, how, process);
        return how;
    }

    [LoggerMessage(238, LogLevel.Information, "App recycled because of {Reason}: {Result} (process {Id})", EventName = "app_recycled")]
    private static partial void LogRecycled(ILogger log, string reason, Recycled result, int id);

    [LoggerMessage(239, LogLevel.Warning, "App (process {Id}) has not ended {Seconds:0.0} s after SIGTERM: killed", EventName = "app_killed")]
    private static partial void LogKilled(ILogger log, int id, double seconds);
}
