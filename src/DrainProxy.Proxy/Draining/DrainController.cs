using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Draining;

/// <summary>What the drain acts on.</summary>
internal sealed record DrainParts(
    Lifecycle Lifecycle, TerminationLog Termination, DrainPlan Plan, ConnectionRegistry Connections, StreamRegistry Streams,
    ExchangeAccounts Accounts, ProxyCounters Counters, DataServer Data, TimeProvider Time);

/// <summary>
/// Walks through the termination, phase by phase in the order they happen. What is due when is decided by DrainProxy.Decisions; here are
/// the waits between.
/// </summary>
internal sealed partial class DrainController(DrainParts parts, ILogger log)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan StreamSpread = TimeSpan.FromSeconds(5);

    /// <summary>How long a half-closed connection is read for late requests before it is given up.</summary>
    private static readonly TimeSpan LingeringClose = TimeSpan.FromSeconds(1);

    /// <summary>A connection younger than this is about to carry its first request.</summary>
    private static readonly TimeSpan NewConnection = TimeSpan.FromMilliseconds(300);

    /// <summary>How long exchanges that were cut may take to tell their clients.</summary>
    private static readonly TimeSpan CutNotice = TimeSpan.FromMilliseconds(300);

    private volatile bool forced;

    private Lifecycle Lifecycle => parts.Lifecycle;

    private TimeSpan T0 { get; set; }

    private TimeSpan SinceT0 => Lifecycle.Now - T0;

    /// <summary>Time from t0 to the end of each phase; what has not ended is null.</summary>
    public TimeSpan? LingerEnded { get; private set; }

    public TimeSpan? DrainEnded { get; private set; }

    public TimeSpan? AllEnded { get; private set; }

    public bool Forced => forced;

    /// <summary>Starts the termination; false when it has begun already (the first trigger wins).</summary>
    public bool Terminate(Trigger trigger) => Lifecycle.Apply(DrainEvent.Terminate, trigger);

    /// <summary>A second signal: what is in flight is cut at once.</summary>
    public void Force()
    {
        forced = true;
        Lifecycle.CutNow();
    }

    /// <summary>Waits for the termination and carries it through; returns when the data listeners are gone.</summary>
    public async Task<DrainResult> Run()
    {
        await Lifecycle.TerminationStarted;
        T0 = Lifecycle.State.TerminatedAt ?? Lifecycle.Now;
        parts.Termination.InFlightAtStart = parts.Counters.InFlight;
        parts.Connections.Opened = () => parts.Termination.Connection(Lifecycle.Now);

        await LingerPhase();
        await DrainPhase();
        await ClosePhase();
        AllEnded = SinceT0;
        return forced ? DrainResult.Forced : parts.Termination.CutInFlight > 0 ? DrainResult.Cut : DrainResult.Clean;
    }

    /// <summary>Everything is served; answers tell their connections to end. Idle connections stay open.</summary>
    private async Task LingerPhase()
    {
        await Until(parts.Plan.AnnounceDelay);
        Lifecycle.Announce();
        foreach (var connection in parts.Connections.All) connection.Http2?.Announce();
        await Until(parts.Plan.Linger);
        LingerEnded = SinceT0;
        Lifecycle.Apply(DrainEvent.LingerOver);
    }

    /// <summary>Waits until nothing is in flight and nothing has come for the quiet time.</summary>
    private async Task DrainPhase()
    {
        var spread = Min(StreamSpread, parts.Plan.DrainTimeout / 2);
        _ = EndStreams(spread);
        var streamsAreDue = SinceT0 + spread;
        while (Lifecycle.Phase == Phase.Draining && !Lifecycle.Cut.IsCancellationRequested)
        {
            if (Evidence.TrafficGone(CollectEvidence(), parts.Plan.Quiet, Lifecycle.Now)) Lifecycle.Apply(DrainEvent.TrafficGone);
            else if (SinceT0 >= parts.Plan.DrainDeadline) Lifecycle.Apply(DrainEvent.DrainDeadline);
            else
            {
                // Streams that were opened since the spread began end as they come.
                if (SinceT0 >= streamsAreDue) EndNow(StreamKind.Sse, StreamKind.Websocket);
                await Until(SinceT0 + Look);
            }
        }

        DrainEnded = SinceT0;
        EndNow(StreamKind.Grpc, StreamKind.Sse, StreamKind.Websocket);
    }

    /// <summary>Idle connections first, spread and half-closed; what is in flight may end until the deadline; the listeners last.</summary>
    private async Task ClosePhase()
    {
        var deadline = parts.Counters.InFlight == 0
            ? Min(SinceT0 + parts.Plan.Closing, parts.Plan.ClosingDeadline)
            : parts.Plan.ClosingDeadline;
        var window = Min(deadline - SinceT0, parts.Plan.Closing) / 2;
        var closedAt = new Dictionary<TrackedConnection, TimeSpan>();
        while (!Lifecycle.Cut.IsCancellationRequested && SinceT0 < deadline)
        {
            await CloseIdle(closedAt, window);
            if (parts.Connections.Count == 0 && AcceptQueue.Depth(parts.Data.Ports) == 0) break;
            foreach (var (connection, at) in closedAt)
            {
                if (SinceT0 - at > LingeringClose && !connection.Ended) connection.Abort("the peer did not close after our FIN");
            }

            window = TimeSpan.Zero;
            await Until(Min(SinceT0 + Look, deadline));
        }

        await CutWhatIsLeft();
        await StopListening();
        Lifecycle.Apply(forced ? DrainEvent.Cut : SinceT0 >= deadline ? DrainEvent.ClosingDeadline : DrainEvent.ConnectionsGone);
    }

    private async Task CloseIdle(Dictionary<TrackedConnection, TimeSpan> closedAt, TimeSpan window)
    {
        var now = parts.Time.GetTimestamp();
        var idle = parts.Connections.All
            .Where(c => c.Active == 0 && !closedAt.ContainsKey(c) && parts.Time.GetElapsedTime(c.OpenedAt, now) > NewConnection)
            .ToList();
        var start = SinceT0;
        for (var i = 0; i < idle.Count; i++)
        {
            var due = start + ClosingSpread.Offset(i, idle.Count, window);
            if (due > SinceT0) await Until(due);
            if (idle[i].TryHalfClose()) closedAt[idle[i]] = SinceT0;
        }
    }

    private async Task CutWhatIsLeft()
    {
        if (parts.Counters.InFlight > 0)
        {
            LogCut(log, parts.Counters.InFlight);
            Lifecycle.CutNow();
            var until = SinceT0 + CutNotice;
            while (parts.Counters.InFlight > 0 && SinceT0 < until) await Task.Delay(TimeSpan.FromMilliseconds(10), parts.Time);
        }

        foreach (var connection in parts.Connections.All)
        {
            if (connection.Active > 0)
            {
                parts.Counters.RequestLost(LossReason.ResetByUs);
                parts.Termination.Lost(LossReason.ResetByUs);
            }

            connection.Abort("the termination's deadline has come");
        }
    }

    private async Task StopListening()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1), parts.Time);
        try
        {
            await parts.Data.Stop(limit.Token);
        }
        catch (OperationCanceledException)
        {
            // Kestrel has been told; what hangs is ended with the process.
        }
    }

    private async Task EndStreams(TimeSpan spread)
    {
        var open = parts.Streams.Of(StreamKind.Sse, StreamKind.Websocket);
        var start = SinceT0;
        for (var i = 0; i < open.Count; i++)
        {
            await Until(start + ClosingSpread.Offset(i, open.Count, spread));
            open[i].End();
        }
    }

    private void EndNow(params ReadOnlySpan<StreamKind> kinds)
    {
        foreach (var stream in parts.Streams.Of(kinds)) stream.End();
    }

    private TrafficEvidence CollectEvidence() => new(
        parts.Counters.InFlight,
        AtLeastT0(parts.Connections.LastOpenedAt),
        AtLeastT0(parts.Accounts.LastRequestAt),
        AcceptQueue.Depth(parts.Data.Ports));

    private TimeSpan AtLeastT0(long timestamp)
    {
        if (timestamp == 0) return T0;
        var at = Lifecycle.Since(timestamp);
        return at > T0 ? at : T0;
    }

    /// <summary>Waits until the given time after t0, or until the cut.</summary>
    private async Task Until(TimeSpan sinceT0)
    {
        var left = sinceT0 - SinceT0;
        if (left <= TimeSpan.Zero || Lifecycle.Cut.IsCancellationRequested) return;
        try
        {
            await Task.Delay(left, parts.Time, Lifecycle.Cut);
        }
        catch (OperationCanceledException)
        {
            // The cut is seen by the caller's loop.
        }
    }

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    [LoggerMessage(110, LogLevel.Warning, "Deadline: {InFlight} requests are cut", EventName = "cut")]
    private static partial void LogCut(ILogger log, long inFlight);
}
