using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admission;

internal enum HoldResult
{
    /// <summary>The app answers: go on.</summary>
    Released,

    /// <summary>The hold timeout passed.</summary>
    Exhausted,

    /// <summary>As many requests as may wait are waiting.</summary>
    Full,

    /// <summary>The client left.</summary>
    ClientGone,

    /// <summary>The drain's deadline came first.</summary>
    Cut,
}

/// <summary>
/// Where requests wait for the app instead of failing: bounded in number and time, their bodies unread, so that TCP pushes back on the
/// sender. One deadline covers all waits of a request.
/// </summary>
internal sealed class Hold(TimeSpan timeout, int limit, Lifecycle lifecycle, ProxyCounters counters, TimeProvider time)
{
    /// <param name="monitor">The app waited for.</param>
    /// <param name="since">Timestamp from which the hold timeout counts: the first wait of this request.</param>
    /// <param name="clientGone">The request's own token.</param>
    public async ValueTask<HoldResult> Wait(AppMonitor monitor, long since, CancellationToken clientGone)
    {
        if (monitor.IsUp) return HoldResult.Released;
        var left = timeout - time.GetElapsedTime(since);
        if (left <= TimeSpan.Zero) return HoldResult.Exhausted;
        if (counters.Held >= limit) return HoldResult.Full;

        counters.HoldStarted();
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(clientGone, lifecycle.Cut);
            await monitor.Waiting.Wait(() => monitor.IsUp, left, either.Token);
            return HoldResult.Released;
        }
        catch (TimeoutException)
        {
            return HoldResult.Exhausted;
        }
        catch (OperationCanceledException)
        {
            return clientGone.IsCancellationRequested ? HoldResult.ClientGone : HoldResult.Cut;
        }
        finally
        {
            counters.HoldEnded();
        }
    }

    /// <summary>A pause between two attempts at an app that was thought to be up, so that a listener that refuses is not hammered.</summary>
    public async ValueTask<bool> Pause(TimeSpan pause, CancellationToken clientGone)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(clientGone, lifecycle.Cut);
        try
        {
            await Task.Delay(pause, time, either.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
