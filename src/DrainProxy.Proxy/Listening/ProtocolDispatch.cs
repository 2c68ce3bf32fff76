using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Lets HTTP/1.1 and HTTP/2 with prior knowledge share one clear-text port: Kestrel assumes HTTP/1.1 there, so the connection preface
/// (RFC 9113 section 3.4) is looked for first. Kestrel's HTTP/2 pipeline is taken from a listener of its own that never accepts.
/// </summary>
internal sealed class ProtocolDispatch
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    private ConnectionDelegate? http2;

    /// <summary>Middleware of the capturing listener: keeps what Kestrel would do with an HTTP/2 connection.</summary>
    public ConnectionDelegate Capture(ConnectionDelegate next) => http2 = next;

    /// <summary>Middleware of a clear-text listener.</summary>
    public async Task ClearText(ConnectionContext context, ConnectionDelegate http1)
    {
        if (await StartsWithPreface(context.Transport.Input))
        {
            MarkHttp2(context);
            await http2!(context);
        }
        else
        {
            await http1(context);
        }
    }

    /// <summary>Middleware of a TLS listener, behind the handshake: the protocol is known from ALPN.</summary>
    public static Task Tls(ConnectionContext context, ConnectionDelegate next)
    {
        var protocol = context.Features.Get<ITlsApplicationProtocolFeature>()?.ApplicationProtocol ?? default;
        if (protocol.Span.SequenceEqual("h2"u8)) MarkHttp2(context);
        return next(context);
    }

    private static void MarkHttp2(ConnectionContext context)
    {
        var writer = new GoAwayWriter(context.Transport.Output);
        context.Transport = new DuplexPipe(context.Transport.Input, writer);
        context.Features.Get<TrackedConnection>()!.Http2 = writer;
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

/// <summary>The address of the listener that exists only to have Kestrel build its HTTP/2 pipeline.</summary>
internal sealed class CaptureEndPoint : EndPoint
{
    public override string ToString() => "http2-prior-knowledge";
}

/// <summary>Binds real addresses by sockets and <see cref="CaptureEndPoint"/> to a listener that never accepts.</summary>
internal sealed class ListenerFactory(IConnectionListenerFactory sockets) : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        endpoint is CaptureEndPoint ? new(new SilentListener(endpoint)) : sockets.BindAsync(endpoint, cancellationToken);

    private sealed class SilentListener(EndPoint endPoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => endPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await unbound.Task.WaitAsync(cancellationToken);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            unbound.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
