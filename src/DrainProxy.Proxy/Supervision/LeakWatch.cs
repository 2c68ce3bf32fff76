using DrainProxy.Decisions.Pressure.Recycling;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Why the app was recycled, label `reason` of `app_recycles_total`: a leak in each case, and what made it now.</summary>
public enum RecycleReason
{
    /// <summary>A quiet moment had come.</summary>
    Quiet,

    /// <summary>None had come for a minute.</summary>
    Overdue,

    /// <summary>The limit was near.</summary>
    Urgent,
}

/// <summary>A recycling that has ended.</summary>
/// <param name="At">When it began, since the program's start.</param>
/// <param name="Why">Why it was done.</param>
/// <param name="How">How it ended.</param>
/// <param name="Process">The app's main process as it was; 0 where it was not seen.</param>
/// <param name="UsedBytes">What the app held.</param>
internal sealed record PastRecycling(TimeSpan At, RecycleReason Why, Recycled How, int Process, long UsedBytes);

/// <summary>What `/state` shows: the last decision and what it went by.</summary>
internal sealed record LeakView(RecycleVerdict Verdict, double ThresholdBytes, double? StartBytes, double LowestBytes, bool Climbs, PastRecycling? Last);

/// <summary>Who can replace the app.</summary>
internal interface IRecycler
{
    /// <summary>Requests with the app now.</summary>
    int UnderWay { get; }

    /// <summary>Whether it could be done; may take milliseconds.</summary>
    Reach CanReach();

    /// <inheritdoc cref="AppRecycler.Recycle"/>
    Task<(Recycled How, int Process)> Recycle(Func<bool> mayCut, CancellationToken cancel);
}

/// <summary>
/// Feeds <see cref="RecycleRule"/> from the sampler's readings and has its word carried out, one at a time. Readings count while nothing heavy
/// runs; where something always does, all of them. Everything but the recycling itself happens on the sampler's turn.
/// </summary>
/// <param name="rule">Decides.</param>
/// <param name="heavy">Requests with the app that are known to be heavy, or not known yet.</param>
/// <param name="app">Who replaces it.</param>
internal sealed partial class LeakWatch(RecycleRule rule, Func<int> heavy, IRecycler app, Lifecycle lifecycle, ProxyCounters counters, ILogger log) : IDisposable
{
    /// <summary>Without a reading at idle for this long, the others count as well.</summary>
    private static readonly TimeSpan NeverIdle = TimeSpan.FromSeconds(5);

    private readonly LeakTrend trend = new();
    private readonly CancellationTokenSource stop = new();
    private volatile LeakView view = new(RecycleVerdict.No, 0, null, 0, false, null);
    private PastRecycling? ended;
    private TimeSpan idleAt;
    private long kills;
    private int reach = -1;
    private int replaced;
    private bool running;
    private bool toldTooOften;
    private long newestUsed;
    private long newestLimit;

    public LeakView View => view;

    /// <summary>Whether the app could be recycled at all; null before anybody has looked.</summary>
    public Reach? Reach => Volatile.Read(ref reach) is >= 0 and var known ? (Reach)known : null;

    /// <summary>Another process of the app serves from now on. From any thread.</summary>
    public void AppReplaced() => Interlocked.Exchange(ref replaced, 1);

    /// <summary>Says once for each change whether the app could be recycled at all, before it is needed. Looks through all processes.</summary>
    public void CheckReach()
    {
        var now = app.CanReach();
        if (Interlocked.Exchange(ref reach, (int)now) == (int)now) return;
        if (now == Supervision.Reach.NotSeen) LogNotSeen(log);
        else if (now == Supervision.Reach.NotPermitted) LogNotPermitted(log);
    }

    /// <summary>Takes a reading in; called by the sampler.</summary>
    public void Observe(PressureSnapshot snapshot)
    {
        var sample = snapshot.Sample;
        Volatile.Write(ref newestUsed, sample.UsedBytes);
        Volatile.Write(ref newestLimit, sample.LimitBytes);
        if (sample.OomKills > kills) rule.Killed(sample.At);
        kills = sample.OomKills;
        Settle(sample.At);
        if (running || sample.Method == Decisions.Pressure.MemoryMethod.None) return;
        if (Interlocked.Exchange(ref replaced, 0) == 1) trend.Reset();
        if (heavy() == 0) idleAt = sample.At;
        else if (sample.At - idleAt < NeverIdle) return;
        trend.Observe(sample.At, sample.UsedBytes);
        var climbs = trend.Climbs(sample.LimitBytes);
        var verdict = rule.Decide(new(sample.At, trend.Start, trend.Lowest, sample.UsedBytes, sample.LimitBytes, climbs, trend.Rises(sample.LimitBytes), app.UnderWay));
        view = view with { Verdict = verdict, ThresholdBytes = rule.Threshold(sample.LimitBytes), StartBytes = trend.Start, LowestBytes = trend.Lowest, Climbs = climbs };
        TellTooOften(verdict);
        if (verdict < RecycleVerdict.Quiet || lifecycle.Terminating) return;
        running = true;
        _ = Task.Run(() => Run(ReasonOf(verdict), sample.At, sample.UsedBytes));
    }

    public void Dispose()
    {
        stop.Cancel();
        stop.Dispose();
    }

    private async Task Run(RecycleReason why, TimeSpan at, long used)
    {
        var (how, process) = (Recycled.NotQuiet, 0);
        try
        {
            (how, process) = await app.Recycle(() => rule.MayCut(Volatile.Read(ref newestUsed), Volatile.Read(ref newestLimit)), stop.Token);
        }
        catch (OperationCanceledException)
        {
            // The program ends; nothing was done to the app.
            return;
        }

        counters.AppRecycled(why, how);
        var past = new PastRecycling(at, why, how, process, used);
        if (how == Recycled.Done) LogRecycled(log, why, process, used >> 20, Volatile.Read(ref newestLimit) >> 20);
        else LogNotRecycled(log, why, how, process);
        Volatile.Write(ref ended, past);
    }

    /// <summary>What the end of a recycling means for the next ones; on the sampler's turn, like all that the rule is told.</summary>
    private void Settle(TimeSpan now)
    {
        if (!running || Volatile.Read(ref ended) is not { } past) return;
        (running, ended) = (false, null);
        view = view with { Last = past };
        if (past.How != Recycled.Done)
        {
            rule.Failed(now);
            return;
        }

        rule.Recycled(now, VerdictOf(past.Why));
        trend.Reset();
    }

    private void TellTooOften(RecycleVerdict verdict)
    {
        var often = verdict == RecycleVerdict.TooOften;
        if (often && !toldTooOften) LogTooOften(log);
        toldTooOften = often;
    }

    private static RecycleReason ReasonOf(RecycleVerdict verdict) => verdict switch
    {
        RecycleVerdict.Quiet => RecycleReason.Quiet,
        RecycleVerdict.Overdue => RecycleReason.Overdue,
        _ => RecycleReason.Urgent,
    };

    private static RecycleVerdict VerdictOf(RecycleReason reason) => reason switch
    {
        RecycleReason.Quiet => RecycleVerdict.Quiet,
        RecycleReason.Overdue => RecycleVerdict.Overdue,
        _ => RecycleVerdict.Urgent,
    };

    [LoggerMessage(250, LogLevel.Information, "App recycled, since its memory climbs while it is idle ({Reason}): process {Id} was stopped with {UsedMi} of {LimitMi} MiB",
        EventName = "app_recycled")]
    private static partial void LogRecycled(ILogger log, RecycleReason reason, int id, long usedMi, long limitMi);

    [LoggerMessage(251, LogLevel.Warning, "App not recycled, although its memory climbs ({Reason}): {Result} (process {Id})", EventName = "app_not_recycled")]
    private static partial void LogNotRecycled(ILogger log, RecycleReason reason, Recycled result, int id);

    [LoggerMessage(252, LogLevel.Warning,
        "--recycle-at cannot work here: the app's process is not seen. In a pod: shareProcessNamespace: true, and the app on this pod's loopback address", EventName = "recycle_not_seen")]
    private static partial void LogNotSeen(ILogger log);

    [LoggerMessage(253, LogLevel.Warning,
        "--recycle-at cannot work here: the app runs as another user, so that it may not be signalled. In a pod: the same runAsUser for both containers", EventName = "recycle_not_permitted")]
    private static partial void LogNotPermitted(ILogger log);

    [LoggerMessage(254, LogLevel.Warning, "App leaks faster than recycling can keep up with: not recycled again before its memory limit. Raise the limit, or mend the leak",
        EventName = "recycle_too_often")]
    private static partial void LogTooOften(ILogger log);
}
