using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using DrainProxy.Decisions.Bridging;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Decisions.SlowPeers;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Listening.Http1;
using DrainProxy.Proxy.Listening.Http2;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// One downstream connection: who is on it, whether a request is in flight, and how it is ended without losing one. A request begins
/// only through <see cref="TryBegin"/> and an idle connection is half-closed only through <see cref="TryHalfClose"/>; both race on one
/// word, so that a request is either served or counted as lost, never neither.
/// </summary>
internal sealed class TrackedConnection(ConnectionContext context, AppTarget target, Socket? socket, ConnectionQuota quota, TimeProvider time, Backlog? allHeld = null)
    : IConnectionSocketFeature, IConnectionHeartbeatFeature
{
    private const int ClosedMark = int.MinValue / 2;

    /// <summary>A client has said Close and ended its half of a WebSocket: as long as it would wait for the app's itself (10 s by default in Python's websockets).</summary>
    private static readonly TimeSpan AppCloseLimit = TimeSpan.FromSeconds(10);

    /// <summary>Until what a client sent before its FIN has been looked at.</summary>
    private static readonly TimeSpan LastBytesLimit = TimeSpan.FromMilliseconds(200);
    private CancellationToken transportClosed;
    private bool ended;
    private bool judged;
    private long brokenAt;
    private bool lastAnswered;
    private int active;
    private int requests;
    private bool closedByUs;
    private string? peerAddress;
    private Action<object>? heartbeat;
    private object? heartbeatState;
    private SendWatch sending;
    private BacklogWatch holding;
    private FrameReader? frames;

    /// <summary>Found from a request as its connection's socket feature: a slot of its own there, where others share a growing list.</summary>
    public Socket Socket => socket!;

    /// <summary>
    /// Has the kernel ask silent peers whether they are there: one that vanished without a FIN under a quiet WebSocket would stay for ever.
    /// Found dead after two minutes; load balancers' own keep-alives are not disturbed.
    /// </summary>
    public static void KeepAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (socket.AddressFamily == AddressFamily.Unix) return;
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 60);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 4);
    }

    /// <summary>The app behind the listener that this connection came to.</summary>
    public AppTarget Target => target;

    public long OpenedAt { get; } = time.GetTimestamp();

    /// <summary>Timestamp of the last moment a request was in flight, or of the opening.</summary>
    public long LastActiveAt { get; private set; } = time.GetTimestamp();

    /// <summary>The last answer never reached the client's side, as far as this end can know.</summary>
    public bool LostResponse { get; private set; }

    /// <summary>The exchange was ended because its client took next to nothing of the answer.</summary>
    public bool TooSlow { get; private set; }

    /// <summary>What is held of answers that the client does not take.</summary>
    public Backlog Backlog { get; } = new(allHeld);

    /// <summary>Which of its streams may begin; null before HTTP/2 is known, and on HTTP/1.x.</summary>
    public NewStreams? Streams { get; private set; }

    /// <summary>Set when the HTTP/2 preface or ALPN was seen.</summary>
    public GoAwayWriter? Http2 { get; private set; }

    /// <summary>The HTTP/2 connection ends by Kestrel's will or ours, told by a GOAWAY that the peer may not have read yet.</summary>
    public bool EndsToldHttp2 => frames is { EndsEarly: true } && (!closedByUs || frames.IsEnded);

    public bool IsHttp2 => Http2 is not null;

    public int Active => Math.Max(0, Volatile.Read(ref active));

    public bool HalfClosed => Volatile.Read(ref active) < 0;

    /// <summary>The connection is gone.</summary>
    public bool Ended => Volatile.Read(ref ended);

    /// <summary>The HTTP/1.x reader, once the protocol is known.</summary>
    public StrictReader? Http1 { get; private set; }

    /// <summary>Kestrel's features of the HTTP/1.x exchange on this connection: one object for all of them.</summary>
    public IFeatureCollection? Http { get; set; }

    /// <summary>The exchange waits for the app, or its answer has no end of its own: it ends with the client's FIN.</summary>
    public bool EndsWithFin { get; set; }

    /// <summary>A WebSocket is being closed: the peer's FIN may follow its Close at once and ends nothing that the app has still to hear.</summary>
    public bool FinIsExpected { get; set; }

    /// <summary>Whether the peer's X-Forwarded-* and Forwarded are believed; null until the first request asks.</summary>
    public bool? PeerIsTrusted { get; set; }

    public IPAddress? RemoteAddress => (context.RemoteEndPoint as IPEndPoint)?.Address;

    /// <summary>Bytes on the socket are not those of HTTP.</summary>
    public bool IsTls { get; set; }

    /// <summary>The peer's address as X-Forwarded-For prints it: IPv4-mapped ones as IPv4.</summary>
    public string PeerAddress => peerAddress ??= Print(RemoteAddress);

    /// <summary>
    /// Where Kestrel's HTTP layer asks to be called for its timers. Its own list would keep one entry for each time that it takes the connection up
    /// again after a rest; here the newest takes the place of the one before.
    /// </summary>
    /// <param name="action">Called about once a second.</param>
    /// <param name="state">Handed to it.</param>
    public void OnHeartbeat(Action<object> action, object state)
    {
        heartbeat = action;
        Volatile.Write(ref heartbeatState, state);
    }

    /// <summary>Takes the heartbeat over from the transport.</summary>
    public void FollowHeartbeat()
    {
        context.Features.Get<IConnectionHeartbeatFeature>()?.OnHeartbeat(static c => ((TrackedConnection)c).Beat(), this);
        context.Features.Set<IConnectionHeartbeatFeature>(this);
    }

    /// <summary>The connection rests: nothing of Kestrel's HTTP layer is kept.</summary>
    public void Rest() => Volatile.Write(ref heartbeatState, null);

    /// <summary>False when our FIN has gone: the answer could not be sent any more.</summary>
    public bool TryBegin()
    {
        if (Interlocked.Increment(ref active) < 0) return false;
        requests++;
        return true;
    }

    /// <param name="now">The kernel has taken the last byte of the answer.</param>
    /// <param name="answered">False when the client left before that.</param>
    public void End(long now, bool answered)
    {
        EndsWithFin = FinIsExpected = false;
        LastActiveAt = now;
        lastAnswered = answered;
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

    /// <summary>Takes note of what stands between the transport and Kestrel.</summary>
    public void BecomeHttp2(GoAwayWriter writer, FrameReader reader, StreamCrowd? crowd = null) =>
        (Http2, frames, Streams) = (writer, reader, crowd is null ? null : new(crowd, Backlog));

    /// <summary>Sees an HTTP/2 connection that ended early to its end: the last frames go out, and what still comes is dropped for a while.</summary>
    /// <param name="most">Bytes that are dropped.</param>
    /// <param name="tls">What the transport is wrapped in.</param>
    /// <param name="cancel">Says that it was long enough.</param>
    public async Task SeeOut(long most, SslStream? tls, CancellationToken cancel)
    {
        var discarding = frames!.Discard(most, cancel);
        await Http2!.SendRest().WaitAsync(cancel);
        if (tls is not null) await tls.ShutdownAsync().WaitAsync(cancel);
        if (ShutdownSend()) await discarding;
    }

    /// <summary>
    /// Takes the end of the transport's input from Kestrel, which takes every FIN for a client that has left (aspnetcore issue 13188). A
    /// client may end its half and wait for the answer (RFC 9112 section 9.6); only what follows tells the two apart.
    /// </summary>
    public void BecomeHttp1(StrictReader reader)
    {
        Http1 = reader;
        transportClosed = context.ConnectionClosed;
        context.ConnectionClosed = CancellationToken.None;
        transportClosed.UnsafeRegister(static c => ((TrackedConnection)c!).OnTransportClosed(), this);
    }

    /// <summary>
    /// Sends a few bytes past Kestrel, which has nothing to send: an answer has not begun, and everything before it has been taken by the
    /// kernel (MaxWriteBufferSize). False when that is not so or the kernel has no room: nothing here may wait.
    /// </summary>
    public bool TrySendBeside(ReadOnlySpan<byte> bytes)
    {
        if (IsTls || socket is null || TcpInfo.Of(socket) is not { Outstanding: false }) return false;
        try
        {
            return socket.Send(bytes, SocketFlags.None) == bytes.Length;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Our FIN, with everything that was written before it; false when the connection is gone already.</summary>
    public bool ShutdownSend()
    {
        if (transportClosed.IsCancellationRequested) return false;
        try
        {
            socket?.Shutdown(SocketShutdown.Send);
            closedByUs = true;
            return socket is not null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Once a second while a request is in flight: ends it for a peer that has gone or takes nothing.</summary>
    public void Watch(TimeSpan now, SlowPeerLimits slowest)
    {
        if (TcpInfo.Of(socket) is not { } info) return;
        var leftEarly = info.PeerHalfClosed && Http1 is not null && Http?.Get<IHttpResponseFeature>() is { HasStarted: false };
        switch (sending.Look(new(info.BytesAcked, info.Outstanding, info.Unsent, leftEarly), now, slowest))
        {
            case SlowPeer.EndExchange:
                AbortExchange();
                break;
            case SlowPeer.EndConnection:
                TooSlow = true;
                Abort("the peer takes its answer too slowly");
                break;
        }
    }

    /// <summary>What is held for this client, and for how long it has taken nothing of it; nothing of one that is ending already.</summary>
    public HeldAnswers LookAtBacklog(TimeSpan now) => frames is { IsEnded: true } ? default : holding.Look(Backlog.Held, Backlog.Releases, now);

    /// <summary>Ends a client that takes nothing of what is held for it, when others need the room.</summary>
    public void EndHolder()
    {
        TooSlow = true;
        if (frames is not null) frames.End();
        else Abort("the peer does not take its answers, and what is held for it is needed");
    }

    /// <summary>No request is in flight: what was measured before says nothing of the next one.</summary>
    public void ForgetProgress() => sending.Forget();

    private void Beat()
    {
        if (Volatile.Read(ref heartbeatState) is { } state) heartbeat!(state);
    }

    private void OnTransportClosed()
    {
        if (Active == 0) return;
        // A FIN alone, and an answer that may still be wanted: Watch decides. Requests that wait for the app and streams without an end
        // would keep a slot for somebody who has most likely left.
        var halfClosed = TcpInfo.Of(socket) is { PeerHalfClosed: true };
        if (halfClosed && Http1!.IsTunnel) _ = EndTunnel();
        else if (!halfClosed || (EndsWithFin && !FinIsExpected)) AbortExchange();
    }

    /// <summary>What came before the FIN may still be on its way to the app; behind a Close, the app has its time to say its own. A tunnel is the last of its connection.</summary>
    private async Task EndTunnel()
    {
        if (!FinIsExpected) await Task.Delay(LastBytesLimit, time);
        if (FinIsExpected) await Task.Delay(AppCloseLimit, time);
        if (Active > 0) AbortExchange();
    }

    private void AbortExchange()
    {
        try
        {
            Http?.Get<IHttpRequestLifetimeFeature>()?.Abort();
        }
        catch (Exception e) when (e is ObjectDisposedException or NullReferenceException or InvalidOperationException)
        {
            // It ended by itself between the look and the call.
        }
    }

    public void Abort(string reason)
    {
        Judge();
        closedByUs = true;
        context.Abort(new ConnectionAbortedException(reason));
    }

    /// <summary>
    /// The transport failed: a reset, or the kernel has given up. Asked in an exception filter, where the socket is still there to be
    /// looked at; when whoever reads has seen the failure, it is gone.
    /// </summary>
    /// <returns>Always false: the exception goes on.</returns>
    public bool Fails(Exception failure)
    {
        // An end of our own making comes as another exception.
        if (failure is not IOException || closedByUs) return false;
        brokenAt = time.GetTimestamp();
        Judge();
        return false;
    }

    /// <summary>
    /// Whether the last answer was lost, while that can still be seen. The first look counts: later ones find what we did ourselves. A break may be seen
    /// before the exchange has been told that its last byte is gone; it is judged when the connection ends, by the time of the break.
    /// </summary>
    private void Judge()
    {
        if (judged || !lastAnswered || Active > 0) return;
        judged = true;
        var broken = brokenAt != 0;
        var since = broken ? time.GetElapsedTime(LastActiveAt, brokenAt) : time.GetElapsedTime(LastActiveAt);
        LostResponse = ResponseLoss.IsLost(new(since, broken, TcpInfo.Of(socket)?.Unacknowledged ?? 0));
    }

    /// <summary>Called once when the connection's pipeline has returned; tells who ended it.</summary>
    public ClosedBy Finish()
    {
        Judge();
        Volatile.Write(ref ended, true);
        return closedByUs || !PeerHasClosed() ? ClosedBy.Us : ClosedBy.Peer;
    }

    private bool PeerHasClosed()
    {
        if ((transportClosed.CanBeCanceled ? transportClosed : context.ConnectionClosed).IsCancellationRequested || socket is null) return true;
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
