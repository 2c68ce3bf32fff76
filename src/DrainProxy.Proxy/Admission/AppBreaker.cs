using DrainProxy.Decisions.Bridging;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Admission;

/// <summary>
/// The breaker of one app, with the queue of those that wait behind it: what is decided by <see cref="Breaker"/> is done here. A request
/// reads <see cref="Admits"/> and nothing else while all is well. The queue is never called inside the lock: it asks back inside its own.
/// </summary>
internal sealed partial class AppBreaker(HoldQueue waiting, TimeProvider time, ILogger log) : IDisposable
{
    private readonly Lock gate = new();
    private Breaker breaker;
    private ITimer? timer;
    private volatile bool admits;

    /// <summary>The app answers, and nobody has to be asked. On the hot path.</summary>
    public bool Admits => admits;

    /// <summary>Nobody may go now.</summary>
    public bool Keeps
    {
        get { lock (gate) return breaker.Keeps; }
    }

    /// <summary>What a request may do; whoever gets <see cref="Passage.Probe"/> tells how it ended.</summary>
    public Passage Ask()
    {
        lock (gate)
        {
            var passage = breaker.Ask();
            if (passage == Passage.Probe) Arm(Breaker.ProbeLimit);
            return passage;
        }
    }

    public void AppAnswers() => Change(static (ref b) => b.AppAnswers());

    public void AppGone() => Change(static (ref b) => b.AppGone());

    public void Exhausted() => Change(static (ref b) => b.Exhausted());

    /// <summary>The probe has a head of an answer.</summary>
    public void ProbeAnswered() => Change(static (ref b) => b.Answered());

    /// <summary>The app failed the probe.</summary>
    public void ProbeFailed()
    {
        Change(static (ref b) => b.Failed());
        lock (gate) Arm(Breaker.Pause);
    }

    /// <summary>The probe's client left before anything was known.</summary>
    public void ProbeAbandoned()
    {
        lock (gate) breaker.Abandoned();
        // One that waits takes its place.
        waiting.Next();
    }

    public void Dispose()
    {
        lock (gate) timer?.Dispose();
    }

    private delegate void Event(ref Breaker breaker);

    private void Change(Event happened)
    {
        BreakerState before, after;
        bool admitted, admitsNow;
        lock (gate)
        {
            (before, admitted) = (breaker.State, breaker.Admits);
            happened(ref breaker);
            (after, admitsNow) = (breaker.State, breaker.Admits);
            admits = admitsNow;
        }

        if (before != after) LogState(log, after);
        if (admitsNow != admitted) waiting.Follow(() => admits);
        else if (after == BreakerState.HalfOpen && before != after) waiting.Next();
    }

    /// <summary>One timer serves both waits: the state says which it was.</summary>
    private void Arm(TimeSpan due)
    {
        timer ??= time.CreateTimer(static b => ((AppBreaker)b!).TimeOver(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(due, Timeout.InfiniteTimeSpan);
    }

    private void TimeOver() => Change(static (ref b) =>
    {
        if (b.State == BreakerState.HalfOpen) b.Answered();
        else b.PauseOver();
    });

    [LoggerMessage(201, LogLevel.Information, "Breaker {State}", EventName = "breaker")]
    private static partial void LogState(ILogger log, BreakerState state);
}
