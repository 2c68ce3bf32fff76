using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Listening.Http1;
using DrainProxy.Proxy.Listening.Http2;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Lets HTTP/1.1 and HTTP/2 with prior knowledge share one clear-text port: Kestrel assumes HTTP/1.1 there, so the connection preface
/// (RFC 9113 section 3.4) is looked for first. Kestrel's HTTP/2 pipeline is taken from a listener of its own that never accepts.
/// </summary>
internal sealed class ProtocolDispatch(HeadLimits limits, StreamCrowd crowd, TimeProvider time)
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private ConnectionDelegate? http2;

    /// <summary>Middleware of the capturing listener: keeps what Kestrel would do with an HTTP/2 connection.</summary>
    public ConnectionDelegate Capture(ConnectionDelegate next) => http2 = next;

    /// <summary>Sees which protocol a clear-text connection speaks and prepares its transport; what serves it is returned.</summary>
    public async ValueTask<ConnectionDelegate> Detect(ConnectionContext context, TrackedConnection connection, ConnectionDelegate http1)
    {
        if (await StartsWithPreface(context.Transport.Input))
        {
            var told = PrepareHttp2(context, connection);
            return _ => http2!(told);
        }

        PrepareHttp1(context, connection);
        return http1;
    }

    /// <summary>Middleware of a TLS listener, behind the handshake: the protocol is known from ALPN.</summary>
    public async Task Tls(ConnectionContext context, ConnectionDelegate next)
    {
        var protocol = context.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol ?? default;
        var connection = (TrackedConnection)context.Features.Get<IConnectionSocketFeature>()!;
        connection.IsTls = true;
        if (protocol.Span.SequenceEqual("h2"u8))
        {
            await next(PrepareHttp2(context, connection));
            if (connection.EndsToldHttp2) await LateEnd.OfTls(connection, context, time);
            return;
        }

        PrepareHttp1(context, connection);
        await next(context);
        connection.Http1?.CompleteInner();
    }

    private ToldConnection PrepareHttp2(ConnectionContext context, TrackedConnection connection)
    {
        var writer = new GoAwayWriter(context.Transport.Output, takesTurns: connection.IsTls);
        var frames = new FrameReader(context.Transport.Input, writer, connection, time);
        context.Transport = new DuplexPipe(frames, writer);
        connection.BecomeHttp2(writer, frames, crowd);
        return new(context, frames, time);
    }

    private void PrepareHttp1(ConnectionContext context, TrackedConnection connection)
    {
        var reader = new StrictReader(context.Transport.Input, limits, time, connection);
        context.Transport = new DuplexPipe(reader, context.Transport.Output);
        connection.BecomeHttp1(reader);
    }

    private static async ValueTask<bool> StartsWithPreface(PipeReader input)
    {
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync();
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                return false;
            }

            var verdict = Compare(result.Buffer);
            // Nothing is consumed: the HTTP layer sees every byte. What cannot decide yet is marked as examined, to wait for more.
            input.AdvanceTo(result.Buffer.Start, verdict is null ? result.Buffer.End : result.Buffer.Start);
            if (verdict is { } decided) return decided;
            if (result.IsCompleted || result.IsCanceled) return false;
        }
    }

    private static bool? Compare(ReadOnlySequence<byte> buffer)
    {
        Span<byte> start = stackalloc byte[24];
        var length = (int)Math.Min(buffer.Length, Preface.Length);
        buffer.Slice(0, length).CopyTo(start);
        if (!Preface.StartsWith(start[..length])) return false;
        return length == Preface.Length ? true : null;
    }
}
