using System.Net;
using System.Net.Sockets;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// One downstream connection: who is on it, whether a request is in flight, and how it is ended without losing one. A request begins
/// only through <see cref="TryBegin"/> and an idle connection is half-closed only through <see cref="TryHalfClose"/>; both race on one
/// word, so that a request is either served or counted as lost, never neither.
/// </summary>
internal sealed class TrackedConnection(ConnectionContext context, AppTarget target, Socket? socket, ConnectionQuota quota, long openedAt)
{
    private const int ClosedMark = int.MinValue / 2;
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int active;
    private int requests;
    private bool closedByUs;
    private string? peerAddress;

    /// <summary>The app behind the listener that this connection came to.</summary>
    public AppTarget Target => target;

    public long OpenedAt { get; } = openedAt;

    /// <summary>Timestamp of the last moment a request was in flight, or of the opening.</summary>
    public long LastActiveAt { get; private set; } = openedAt;

    /// <summary>Set when the HTTP/2 preface or ALPN was seen.</summary>
    public GoAwayWriter? Http2 { get; set; }

    public bool IsHttp2 => Http2 is not null;

    public int Active => Math.Max(0, Volatile.Read(ref active));

    public bool HalfClosed => Volatile.Read(ref active) < 0;

    /// <summary>Completes when the connection is gone.</summary>
    public Task Ended => ended.Task;

    /// <summary>The peer's address as X-Forwarded-For prints it: IPv4-mapped ones as IPv4.</summary>
    public string PeerAddress => peerAddress ??= Print((context.RemoteEndPoint as IPEndPoint)?.Address);

    /// <summary>False when our FIN has gone: the answer could not be sent any more.</summary>
    public bool TryBegin()
    {
        if (Interlocked.Increment(ref active) < 0) return false;
        requests++;
        return true;
    }

    public void End(long now)
    {
        LastActiveAt = now;
        Interlocked.Decrement(ref active);
    }

    /// <summary>Whether this connection has had its share of time or requests and should end with the answer at hand.</summary>
    public bool QuotaExceeded(TimeSpan age) => quota.Exceeded(age, requests);

    /// <summary>The answer at hand carries `Connection: close`: the end is ours.</summary>
    public void ClosesAfterAnswer() => closedByUs = true;

    /// <summary>
    /// Sends our FIN on an idle HTTP/1.1 connection and goes on reading, so that a late request is seen; HTTP/2 gets GOAWAY with the last
    /// stream. False when a request is in flight or its bytes have arrived.
    /// </summary>
    public bool TryHalfClose()
    {
        if (IsHttp2)
        {
            closedByUs = true;
            context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
            return true;
        }

        try
        {
            if (socket is null || socket.Available > 0) return false;
            if (Interlocked.CompareExchange(ref active, ClosedMark, 0) != 0) return false;
            closedByUs = true;
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The peer was faster: the connection is ending by itself.
        }

        return true;
    }

    public void Abort(string reason)
    {
        closedByUs = true;
        context.Abort(new ConnectionAbortedException(reason));
    }

    /// <summary>Called once when the connection's pipeline has returned; tells who ended it.</summary>
    public ClosedBy Finish()
    {
        ended.TrySetResult();
        return closedByUs || !PeerHasClosed() ? ClosedBy.Us : ClosedBy.Peer;
    }

    private bool PeerHasClosed()
    {
        if (context.ConnectionClosed.IsCancellationRequested || socket is null) return true;
        try
        {
            return socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }

    private static string Print(IPAddress? address) => address switch
    {
        null => "unknown",
        { IsIPv4MappedToIPv6: true } => address.MapToIPv4().ToString(),
        _ => address.ToString(),
    };
}
