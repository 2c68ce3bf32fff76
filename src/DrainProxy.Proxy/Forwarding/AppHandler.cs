using System.Buffers;
using System.Net;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Forwarding.Streams;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Stands before SocketsHttpHandler and corrects three of its habits. It repeats a request without content when a connection ended without an
/// answer: see <see cref="AppDialogue"/>; beside that, one that is not idempotent gets an empty content, which is sent once only (RFC 9110
/// section 9.2.2). It repeats what an HTTP/2 app refused unprocessed, also with a content that can be read once only: such a one is ours to send again.
/// And it keeps small writes of a body back until its buffer is full: each is flushed.
/// </summary>
internal sealed class AppHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is { } content and not EmptyContent)
        {
            var exchange = (request.RequestUri as ExchangeUri)?.Exchange;
            if (exchange is not null) exchange.HasContent = exchange.Http.Request.ContentLength != 0;
            request.Content = new FlushedContent(content, exchange);
        }
        else if (request.Content is null && !IsIdempotent(request.Method.Method)) request.Content = new EmptyContent();
        return base.SendAsync(request, cancellationToken);
    }

    /// <summary>RFC 9110 section 9.2.2; an unknown method is not.</summary>
    public static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "PUT" or "DELETE" or "OPTIONS" or "TRACE";

    private sealed class FlushedContent : HttpContent
    {
        private readonly HttpContent inner;
        private readonly Exchange? exchange;

        public FlushedContent(HttpContent inner, Exchange? exchange)
        {
            (this.inner, this.exchange) = (inner, exchange);
            foreach (var (name, values) in inner.Headers.NonValidated)
            {
                if (values.Count == 1) Headers.TryAddWithoutValidation(name, values.ToString());
                else Headers.TryAddWithoutValidation(name, values);
            }
        }

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
            SerializeToStreamAsync(stream, context, CancellationToken.None);

        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
        {
            exchange?.BeginBody();
            exchange?.Dialogue?.BodyBegins();
            var flushed = new FlushedStream(stream, exchange);
            var copy = inner.CopyToAsync(flushed, context, cancellationToken);
            // The client takes its time with the body: the app gets the head meanwhile.
            if (!copy.IsCompleted) await flushed.FlushHead(cancellationToken);
            if (!copy.IsCompleted && exchange?.Dialogue is { } dialogue && await Task.WhenAny(copy, dialogue.WhenRefused()) != copy)
            {
                await EndEarly(stream, flushed, dialogue);
                // Goes on until the client has sent all; a client that leaves is nobody's error.
                _ = copy.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
                return;
            }

            try
            {
                await copy;
            }
            catch (Exception) when (exchange is { Target.HidesBytes: true } && cancellationToken.IsCancellationRequested)
            {
                exchange.BodyCut = true;
                await FlushedStream.AnswerFirst();
                throw;
            }

            exchange?.Dialogue?.BodySent();
            if (exchange is not { IsHttp2: true } || RequestRules.TrailersAreValid(exchange.Http.Request)) return;
            exchange.Refusal = FramingFault.Trailer;
            throw new InvalidDataException("The trailer is malformed.");
        }

        /// <summary>
        /// The app has refused what is still being sent: its answer is read at once. For that the handler has to see the content end; what
        /// stands for the rest goes nowhere, since the dialogue has stopped sending.
        /// </summary>
        private async Task EndEarly(Stream stream, FlushedStream flushed, AppDialogue dialogue)
        {
            exchange!.RefusedEarly = true;
            dialogue.StopSending();
            await flushed.Leave();
            for (var left = Headers.ContentLength - flushed.Passed; left > 0; left -= UnsentBytes.Most)
                await stream.WriteAsync(UnsentBytes.OfLength((int)Math.Min(left.Value, UnsentBytes.Most)));
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }
    }
}

/// <summary>Memory that has a length and, where it is long, no bytes: for a stream that only counts.</summary>
internal sealed class UnsentBytes : MemoryManager<byte>
{
    public const int Most = 1 << 30;

    /// <summary>What fits into the handler's buffer is copied there and has to have bytes; the buffer starts at 4 KiB.</summary>
    private static readonly byte[] Few = new byte[64 * 1024];

    private static readonly UnsentBytes All = new();

    public static ReadOnlyMemory<byte> OfLength(int length) => length <= Few.Length ? Few.AsMemory(0, length) : All.CreateMemory(length);

    public override Span<byte> GetSpan() => throw new NotSupportedException("bytes that were not to be sent");

    public override MemoryHandle Pin(int elementIndex = 0) => throw new NotSupportedException("bytes that were not to be sent");

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
    }
}

/// <summary>No bytes; what is sent with it is sent once only.</summary>
internal sealed class EmptyContent : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Task.CompletedTask;

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return true;
    }
}
