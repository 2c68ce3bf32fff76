using System.Collections.Concurrent;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Forwarding;
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

    private readonly ConcurrentDictionary<TrackedConnection, byte> connections = new();
    private readonly ProxyCounters counters;
    private readonly TimeProvider time;
    private readonly TimeSpan idleTimeout;
    private readonly ConnectionLimits limits;
    private readonly ITimer timer;
    private long lastOpenedAt;

    public ConnectionRegistry(ProxyCounters counters, TimeProvider time, TimeSpan idleTimeout, ConnectionLimits limits)
    {
        (this.counters, this.time, this.idleTimeout, this.limits) = (counters, time, idleTimeout, limits);
        timer = time.CreateTimer(_ => EndIdle(), null, Tick, Tick);
    }

    /// <summary>Raised for each new connection; used while terminating.</summary>
    public Action? Opened { get; set; }

    public int Count => connections.Count;

    public IEnumerable<TrackedConnection> All => connections.Keys;

    /// <summary>Timestamp of the newest connection; zero when there was none.</summary>
    public long LastOpenedAt => Volatile.Read(ref lastOpenedAt);

    /// <summary>Connection middleware: the outermost one, on every connection of the data listeners.</summary>
    public async Task Track(ConnectionContext context, AppTarget target, ConnectionDelegate next)
    {
        var now = time.GetTimestamp();
        var connection = new TrackedConnection(
            context, target, context.Features.Get<IConnectionSocketFeature>()?.Socket, limits.Draw(Random.Shared.NextDouble()), now);
        context.Features.Set(connection);
        connections.TryAdd(connection, 0);
        Volatile.Write(ref lastOpenedAt, now);
        counters.ConnectionOpened(Side.Downstream);
        Opened?.Invoke();
        try
        {
            await next(context);
        }
        finally
        {
            connections.TryRemove(connection, out _);
            counters.ConnectionClosed(Side.Downstream, connection.Finish());
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

    public void Dispose() => timer.Dispose();

    private void EndIdle()
    {
        var now = time.GetTimestamp();
        foreach (var (connection, _) in connections)
        {
            if (connection.Active > 0) continue;
            var idle = time.GetElapsedTime(connection.LastActiveAt, now);
            if (idle > idleTimeout + LingeringClose && connection.HalfClosed) connection.Abort("the peer did not close after our FIN");
            else if (idle > idleTimeout && !connection.HalfClosed) connection.TryHalfClose();
        }
    }
}
