using System.Buffers;
using System.Net;

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
            var flushed = new FlushedContent(content, exchange);
            request.Content = flushed;
            if (exchange is null) return base.SendAsync(request, cancellationToken);
            (exchange.HasContent, exchange.Content) = (exchange.Http.Request.ContentLength != 0, flushed);
            return SendBody(request, flushed, cancellationToken);
        }

        if (request.Content is null && !IsIdempotent(request.Method.Method)) request.Content = new EmptyContent();
        return base.SendAsync(request, cancellationToken);
    }

    private async Task<HttpResponseMessage> SendBody(HttpRequestMessage request, FlushedContent content, CancellationToken cancel)
    {
        try
        {
            return await base.SendAsync(request, cancel);
        }
        finally
        {
            content.Answered();
        }
    }

    /// <summary>RFC 9110 section 9.2.2; an unknown method is not.</summary>
    public static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "PUT" or "DELETE" or "OPTIONS" or "TRACE";
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
