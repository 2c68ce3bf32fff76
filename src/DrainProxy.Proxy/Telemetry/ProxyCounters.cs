using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Proxy.Supervision;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>How an exchange ended, label `outcome` of `requests_total`.</summary>
public enum Outcome
{
    /// <summary>The app answered below 500.</summary>
    Ok,

    /// <summary>The app answered 5xx.</summary>
    AppError,

    /// <summary>Refused by DrainProxy before the app saw it.</summary>
    Refused,

    /// <summary>DrainProxy could not get or deliver the app's answer.</summary>
    Failed,

    /// <summary>The client left before its answer was complete.</summary>
    ClientGone,
}

/// <summary>Why an exchange with the app failed, label `cause` of `upstream_errors_total`.</summary>
public enum UpstreamCause
{
    ConnectRefused,
    ConnectTimeout,
    ConnectError,
    ClosedBeforeAnswer,

    /// <summary>As above, on a connection that had carried requests before: the app gave it up at the same moment.</summary>
    StaleConnection,
    ClosedDuringAnswer,
    AppTimeout,
    AppProtocolError,
    HoldExhausted,

    /// <summary>Refused at once, since others had waited in vain.</summary>
    BreakerOpen,
    CutAtDeadline,
    Internal,
}

/// <summary>What went wrong on the client's side, `cause` in the access log; in metrics by `outcome` and in counters of their own.</summary>
public enum ClientCause
{
    /// <summary>It left before a byte of its answer was sent.</summary>
    ClientGoneBeforeAnswer,

    /// <summary>It left while its answer was being sent.</summary>
    ClientGoneDuringAnswer,

    /// <summary>It took next to nothing of its answer for so long that the exchange was ended.</summary>
    ClientTooSlow,

    /// <summary>Its request was refused: not HTTP, or beyond a limit.</summary>
    BadRequest,

    /// <summary>The answer was complete, and the client's side did not take it.</summary>
    ResponseLost,
}

/// <summary>Why a request was lost while terminating, label `reason` of `lost_requests_total` and key of `lost` in the report.</summary>
public enum LossReason
{
    /// <summary>Bytes seen after our FIN.</summary>
    LateAfterClose,
    CutAtDeadline,
    AppGone,
    HoldExhausted,
    ResetByUs,
}

/// <summary>Why a request was refused before the app saw it, label `reason` of `shed_total`.</summary>
public enum ShedReason
{
    Memory,
    MaxInFlight,
    QueueFull,
    QueueTimeout,
    Descriptors,
    OwnMemory,
    Closing,
}

/// <summary>Which side a connection is on.</summary>
public enum Side
{
    Downstream,
    Upstream,
}

/// <summary>Who ended a connection first.</summary>
public enum ClosedBy
{
    Us,
    Peer,
}

/// <summary>Why a request was sent to the app again, label `reason` of `replayed_total`.</summary>
public enum ReplayReason
{
    /// <summary>The connect was refused or reset: no byte reached the app.</summary>
    ConnectFailed,

    /// <summary>The app refused it unprocessed.</summary>
    NotProcessed,

    /// <summary>An idempotent request whose connection ended without a byte of an answer.</summary>
    NoAnswer,
}

/// <summary>
/// The counts of the data path: plain fields that the hot path adds to without a lock or an allocation. The instruments read them
/// when scraped (see ProxyMetrics). Gauges are exact: each increment has its decrement in a finally.
/// </summary>
public sealed class ProxyCounters
{
    private readonly long[] requests = new long[6 * Outcomes];
    private readonly long[] upstreamErrors = new long[Enum.GetValues<UpstreamCause>().Length];
    private readonly long[] lost = new long[Enum.GetValues<LossReason>().Length];
    private readonly long[] shed = new long[Enum.GetValues<ShedReason>().Length];
    private readonly long[] replayed = new long[Enum.GetValues<ReplayReason>().Length];
    private readonly long[] closed = new long[4];
    private readonly long[] open = new long[2];
    private readonly long[] openPeak = new long[2];
    private volatile Action? onWork;
    private long inFlight;
    private long inFlightPeak;
    private long held;
    private long heldPeak;
    private readonly long[] wouldBeShed = new long[Enum.GetValues<ShedReason>().Length];
    private readonly long[] queued = new long[Enum.GetValues<Lane>().Length];
    private readonly long[] queuedPeak = new long[Enum.GetValues<Lane>().Length];
    private long responsesLost;
    private long appRestarts;
    private readonly long[] recycles = new long[Enum.GetValues<RecycleReason>().Length * Enum.GetValues<Recycled>().Length];

    internal const int Outcomes = 5;

    /// <summary>Requests that have ended, of every kind.</summary>
    public long RequestsInAll
    {
        get
        {
            long sum = 0;
            for (var i = 0; i < requests.Length; i++) sum += Volatile.Read(ref requests[i]);
            return sum;
        }
    }

    public long InFlight => Volatile.Read(ref inFlight);

    public long Held => Volatile.Read(ref held);

    public long ResponsesLost => Volatile.Read(ref responsesLost);

    /// <summary>Times that the app answered again after it had been gone, or was replaced by the supervisor.</summary>
    public long AppRestarts => Volatile.Read(ref appRestarts);

    /// <summary>Recyclings of the app that were begun, by why and how they ended.</summary>
    public long AppRecycles(RecycleReason reason, Recycled result) => Volatile.Read(ref recycles[RecycleIndex(reason, result)]);

    /// <summary>Status classes are 1..5; 0 stands for "none": no status went out.</summary>
    public long Requests(int codeClass, Outcome outcome) => Volatile.Read(ref requests[(codeClass * Outcomes) + (int)outcome]);

    public long UpstreamErrors(UpstreamCause cause) => Volatile.Read(ref upstreamErrors[(int)cause]);

    public long Lost(LossReason reason) => Volatile.Read(ref lost[(int)reason]);

    public long Shed(ShedReason reason) => Volatile.Read(ref shed[(int)reason]);

    public long WouldBeShed(ShedReason reason) => Volatile.Read(ref wouldBeShed[(int)reason]);

    public long Queued(Lane lane) => Volatile.Read(ref queued[(int)lane]);

    public long Replayed(ReplayReason reason) => Volatile.Read(ref replayed[(int)reason]);

    public long ConnectionsClosed(Side side, ClosedBy by) => Volatile.Read(ref closed[((int)side * 2) + (int)by]);

    public long ConnectionsOpen(Side side) => Volatile.Read(ref open[(int)side]);

    public void RequestStarted()
    {
        PeakHold.Raise(Interlocked.Increment(ref inFlight), ref inFlightPeak);
        if (onWork is not null) Interlocked.Exchange(ref onWork, null)?.Invoke();
    }

    /// <summary>Calls <paramref name="action"/> once, on the thread of the next request that begins; one that waits already is replaced.</summary>
    public void AwaitWork(Action action) => onWork = action;

    public void RequestEnded(int statusCode, Outcome outcome)
    {
        Interlocked.Decrement(ref inFlight);
        var codeClass = (uint)statusCode / 100;
        Interlocked.Increment(ref requests[((codeClass <= 5 ? codeClass : 0) * Outcomes) + (int)outcome]);
    }

    public void HoldStarted() => PeakHold.Raise(Interlocked.Increment(ref held), ref heldPeak);

    public void HoldEnded() => Interlocked.Decrement(ref held);

    public void UpstreamFailed(UpstreamCause cause) => Interlocked.Increment(ref upstreamErrors[(int)cause]);

    public void RequestLost(LossReason reason) => Interlocked.Increment(ref lost[(int)reason]);

    public void RequestShed(ShedReason reason) => Interlocked.Increment(ref shed[(int)reason]);

    public void RequestWouldBeShed(ShedReason reason) => Interlocked.Increment(ref wouldBeShed[(int)reason]);

    public void QueueStarted(Lane lane) => PeakHold.Raise(Interlocked.Increment(ref queued[(int)lane]), ref queuedPeak[(int)lane]);

    public void QueueEnded(Lane lane) => Interlocked.Decrement(ref queued[(int)lane]);

    public void RequestReplayed(ReplayReason reason) => Interlocked.Increment(ref replayed[(int)reason]);

    public void AppRestarted() => Interlocked.Increment(ref appRestarts);

    public void AppRecycled(RecycleReason reason, Recycled result) => Interlocked.Increment(ref recycles[RecycleIndex(reason, result)]);

    public void ResponseLost() => Interlocked.Increment(ref responsesLost);

    public void ConnectionOpened(Side side) => PeakHold.Raise(Interlocked.Increment(ref open[(int)side]), ref openPeak[(int)side]);

    public void ConnectionClosed(Side side, ClosedBy by)
    {
        Interlocked.Decrement(ref open[(int)side]);
        Interlocked.Increment(ref closed[((int)side * 2) + (int)by]);
    }

    /// <summary>The highest value since the last call, which starts a new period at the current value. For ProxyMetrics alone (see RecentPeak).</summary>
    internal long TakeInFlightPeak() => PeakHold.Take(ref inFlightPeak, in inFlight);

    /// <inheritdoc cref="TakeInFlightPeak"/>
    internal long TakeHeldPeak() => PeakHold.Take(ref heldPeak, in held);

    /// <inheritdoc cref="TakeInFlightPeak"/>
    internal long TakeQueuedPeak(Lane lane) => PeakHold.Take(ref queuedPeak[(int)lane], in queued[(int)lane]);

    /// <inheritdoc cref="TakeInFlightPeak"/>
    internal long TakeConnectionsPeak(Side side) => PeakHold.Take(ref openPeak[(int)side], in open[(int)side]);

    private static int RecycleIndex(RecycleReason reason, Recycled result) => ((int)reason * Enum.GetValues<Recycled>().Length) + (int)result;
}
