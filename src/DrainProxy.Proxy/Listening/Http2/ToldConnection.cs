using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Listening.Http2;

/// <summary>
/// An HTTP/2 connection as Kestrel sees it. Where Kestrel would cut it in the middle (its queue of answers overflows under Rapid Reset, the client is too
/// slow), the input ends instead and GOAWAY with ENHANCE_YOUR_CALM goes out: the socket is closed only when the peer could read that.
/// </summary>
/// <param name="inner">The transport, or what TLS made of it.</param>
/// <param name="frames">Its input.</param>
/// <param name="time">Clock of the patience with it.</param>
internal sealed class ToldConnection(ConnectionContext inner, FrameReader frames, TimeProvider time) : ConnectionContext
{
    public override string ConnectionId { get => inner.ConnectionId; set => inner.ConnectionId = value; }

    public override IFeatureCollection Features => inner.Features;

    public override IDictionary<object, object?> Items { get => inner.Items; set => inner.Items = value; }

    public override IDuplexPipe Transport { get => inner.Transport; set => inner.Transport = value; }

    public override CancellationToken ConnectionClosed { get => inner.ConnectionClosed; set => inner.ConnectionClosed = value; }

    public override EndPoint? LocalEndPoint { get => inner.LocalEndPoint; set => inner.LocalEndPoint = value; }

    public override EndPoint? RemoteEndPoint { get => inner.RemoteEndPoint; set => inner.RemoteEndPoint = value; }

    /// <summary>Called with Kestrel's write lock held: nothing here may wait.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        // Kestrel's last word on every connection whose peer has left.
        if (inner.ConnectionClosed.IsCancellationRequested)
        {
            inner.Abort(abortReason);
            return;
        }

        frames.End();
        _ = AbortLater(abortReason);
    }

    public override void Abort() => Abort(new("ended by the server"));

    /// <summary>Kestrel may wait for ever for streams whose answers found no place in its queue; the transport's end is what frees it then.</summary>
    private async Task AbortLater(ConnectionAbortedException reason)
    {
        await Task.Delay(LateEnd.DiscardFor, time);
        inner.Abort(reason);
    }
}
