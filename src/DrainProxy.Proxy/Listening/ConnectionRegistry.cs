using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Decisions.SlowPeers;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Listening.Http1;
using DrainProxy.Proxy.Listening.Http2;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// All downstream connections. One tick a second ends those that are idle beyond the keep-alive towards the load balancer; the drain
/// ends the rest. Kestrel's own keep-alive timer is only a backstop, since it closes without the half-close that shows late requests.
/// </summary>
internal sealed class ConnectionRegistry : IDisposable
{
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    /// <summary>How long a half-closed connection is read for late bytes while serving; the drain has its own limit.</summary>
    private static readonly TimeSpan LingeringClose = TimeSpan.FromSeconds(5);

    /// <summary>What is more than nothing, in bytes a second: Kestrel's own least rate.</summary>
    private const int LeastRate = 240;

    /// <summary>How long a client that has ended its half may wait for the first byte of its answer; most of them have left.</summary>
    private static readonly TimeSpan HalfCloseGrace = TimeSpan.FromSeconds(10);

    /// <summary>
    /// After this long without a request Kestrel lets go of an HTTP/1.x connection until bytes come: it keeps some 4 KB for it otherwise, which idle
    /// pools of load balancers multiply by thousands. Taking it up again costs some microseconds (bench/README.md, "Idle connections").
    /// </summary>
    private static readonly TimeSpan RestsAfter = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<TrackedConnection, byte> connections = new();
    private readonly ProxyCounters counters;
    private readonly TimeProvider time;
    private readonly TimeSpan idleTimeout;
    private readonly ConnectionLimits limits;
    private readonly TimeSpan headTimeout;
    private readonly SlowPeerLimits slowest;
    private readonly ITimer timer;
    private readonly ITimer quickTimer;
    private readonly Lock looking = new();
    private readonly Backlog allHeld = new();
    private readonly List<TrackedConnection> holders = [];
    private readonly List<HeldAnswers> held = [];
    private readonly long startedAt;
    private long lastOpenedAt;
    private long rested;

    public ConnectionRegistry(
        ProxyCounters counters, TimeProvider time, ProxySettings settings, TimeSpan idleTimeout, ConnectionLimits limits, int maxConnections = int.MaxValue)
    {
        (this.counters, this.time, this.idleTimeout, this.limits) = (counters, time, idleTimeout, limits);
        headTimeout = settings.RequestHeadersTimeout;
        slowest = new(settings.SendTimeout, LeastRate, HalfCloseGrace);
        Room = new(maxConnections);
        Crowd = new(time);
        startedAt = time.GetTimestamp();
        timer = time.CreateTimer(_ => EndIdle(), null, Tick, Tick);
        quickTimer = time.CreateTimer(_ => LookAtHolders(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        allHeld.Exceeded = () => quickTimer.Change(TimeSpan.Zero, Backlogs.QuickLook);
    }

    /// <summary>Asked before each accept.</summary>
    public ConnectionRoom Room { get; }

    /// <summary>Asked before streams of HTTP/2 begin.</summary>
    public StreamCrowd Crowd { get; }

    /// <summary>Raised for each new connection; used while terminating.</summary>
    public Action? Opened { get; set; }

    /// <summary>Raised for each connection on which the last answer was lost.</summary>
    public Action<TrackedConnection>? ResponseLost { get; set; }

    /// <summary>Raised when connections were ended because their clients took nothing of what was held for them: how many, and the bytes held by all.</summary>
    public Action<int, long>? HoldersEnded { get; set; }

    public int Count => connections.Count;

    /// <summary>What Kestrel's HTTP layer keeps for one connection, in bytes: garbage when it rests.</summary>
    public const int LeftByRest = 4096;

    /// <summary>How often a connection came to rest.</summary>
    public long Rested => Volatile.Read(ref rested);

    public IEnumerable<TrackedConnection> All => connections.Keys;

    /// <summary>Timestamp of the newest connection; zero when there was none.</summary>
    public long LastOpenedAt => Volatile.Read(ref lastOpenedAt);

    /// <summary>Connection middleware: the outermost one, on every connection of the data listeners.</summary>
    /// <param name="context">The transport.</param>
    /// <param name="target">The app behind the listener.</param>
    /// <param name="clearText">Tells the protocols of a clear-text port apart; null behind TLS.</param>
    /// <param name="next">Kestrel, or TLS before it.</param>
    public async Task Track(ConnectionContext context, AppTarget target, ProtocolDispatch? clearText, ConnectionDelegate next)
    {
        var now = time.GetTimestamp();
        var connection = new TrackedConnection(
            context, target, context.Features.Get<IConnectionSocketFeature>()?.Socket, limits.Draw(Random.Shared.NextDouble()), time, allHeld);
        context.Features.Set<IConnectionSocketFeature>(connection);
        connection.FollowHeartbeat();
        connections.TryAdd(connection, 0);
        try
        {
            if (connection.Socket is { } socket) TrackedConnection.KeepAlive(socket);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Gone already; the pipeline will see it.
        }

        Volatile.Write(ref lastOpenedAt, now);
        counters.ConnectionOpened(Side.Downstream);
        Opened?.Invoke();
        try
        {
            if (clearText is not null) next = await clearText.Detect(context, connection, next);
            await next(context);
            while (connection.Http1 is { Resting: true } resting)
            {
                connection.Rest();
                Interlocked.Increment(ref rested);
                // In the loop and not in a method of its own: one waiting state machine less per connection.
                ReadResult arrival;
                do arrival = await resting.Arrival();
                while (!resting.Wakes(arrival) && !arrival.IsCompleted);
                if (resting.Resting) break;
                await next(context);
            }

            if (clearText is not null && (connection.EndsToldHttp2 || connection.Http1 is { EndsEarly: true })) await LateEnd.OfClearText(connection, time);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException && connection.Http1 is { Resting: true })
        {
            // Reset or aborted at rest.
            connection.Fails(e);
        }
        finally
        {
            connections.TryRemove(connection, out _);
            Room.Free();
            counters.ConnectionClosed(Side.Downstream, connection.Finish());
            if (connection.LostResponse)
            {
                counters.ResponseLost();
                ResponseLost?.Invoke(connection);
            }
        }
    }

    public (long Active, long Idle) CountByState()
    {
        long active = 0, idle = 0;
        foreach (var (connection, _) in connections)
        {
            if (connection.Active > 0) active++;
            else idle++;
        }

        return (active, idle);
    }

    public void Dispose()
    {
        timer.Dispose();
        quickTimer.Dispose();
        Crowd.Dispose();
    }

    private void EndIdle()
    {
        var now = time.GetTimestamp();
        // Without memory for new connections, those that nobody uses are the ones to go.
        var longest = Room.IsPaused && RestsAfter < idleTimeout ? RestsAfter : idleTimeout;
        foreach (var (connection, _) in connections)
        {
            if (connection.Http1 is { HeadSince: > 0 } reader && headTimeout > TimeSpan.Zero && time.GetElapsedTime(reader.HeadSince, now) > headTimeout) reader.TimeOut();
            if (connection.Active > 0)
            {
                connection.Watch(time.GetElapsedTime(startedAt, now), slowest);
                continue;
            }

            connection.ForgetProgress();
            var idle = time.GetElapsedTime(connection.LastActiveAt, now);
            if (idle > longest + LingeringClose && connection.HalfClosed) connection.Abort("the peer did not close after our FIN");
            else if (idle > longest && !connection.HalfClosed) connection.TryHalfClose();
            else if (idle > RestsAfter && connection is { HalfClosed: false, IsTls: false, Http1: { Resting: false } http1 }) http1.LetRest();
        }

        LookAtHolders();
    }

    /// <summary>Ends those that hold most for longest when all hold too much.</summary>
    private void LookAtHolders()
    {
        lock (looking)
        {
            var now = time.GetElapsedTime(startedAt);
            foreach (var (connection, _) in connections)
            {
                if (connection.LookAtBacklog(now) is not { Bytes: > 0 } answers) continue;
                holders.Add(connection);
                held.Add(answers);
            }

            var ended = Backlogs.ToEnd(held, Backlog.Allowed);
            foreach (var position in ended) holders[position].EndHolder();
            if (ended.Count > 0) HoldersEnded?.Invoke(ended.Count, held.Sum(answers => answers.Bytes));
            holders.Clear();
            held.Clear();
            if (allHeld.Held <= Backlog.Allowed) quickTimer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
