using DrainProxy.Decisions.Bridging;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admission;

internal enum HoldResult
{
    /// <summary>The app answers: go on.</summary>
    Released,

    /// <summary>Go on, alone, and tell the breaker how it went.</summary>
    Probe,

    /// <summary>The breaker is open: others have waited in vain.</summary>
    Refused,

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
    /// <param name="newcomer">It has not been under way to the app yet: an open breaker refuses it.</param>
    /// <param name="clientGone">The request's own token.</param>
    public async ValueTask<HoldResult> Wait(AppMonitor monitor, long since, bool newcomer, CancellationToken clientGone)
    {
        var breaker = monitor.Breaker;
        if (Passed(breaker.Ask(), newcomer) is { } at) return at;
        if (Left(since) <= TimeSpan.Zero) return Exhausted(breaker);
        if (counters.Held >= limit) return HoldResult.Full;

        counters.HoldStarted();
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(clientGone, lifecycle.Cut);
            while (true)
            {
                if (Left(since) is var left && left <= TimeSpan.Zero) return Exhausted(breaker);
                await monitor.Waiting.Wait(() => breaker.Keeps, left, either.Token);
                if (Passed(breaker.Ask(), newcomer: false) is { } then) return then;
            }
        }
        catch (TimeoutException)
        {
            return Exhausted(breaker);
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

    private static HoldResult? Passed(Passage passage, bool newcomer) => passage switch
    {
        Passage.Go => HoldResult.Released,
        Passage.Probe => HoldResult.Probe,
        Passage.Refuse when newcomer => HoldResult.Refused,
        _ => null,
    };

    private TimeSpan Left(long since) => timeout - time.GetElapsedTime(since);

    /// <summary>Where nothing is held, nothing can show that waiting is in vain.</summary>
    private HoldResult Exhausted(AppBreaker breaker)
    {
        if (timeout > TimeSpan.Zero) breaker.Exhausted();
        return HoldResult.Exhausted;
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
