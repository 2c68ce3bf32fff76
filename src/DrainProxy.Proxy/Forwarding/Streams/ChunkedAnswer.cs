using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// An HTTP/1.1 answer whose chunks are framed here, so that the app's trailers can follow them (RFC 9112 section 7.1.2): Kestrel has none there, and
/// leaves the framing to whoever sets Transfer-Encoding. An answer of our own in its place, before a byte of this one has gone, is not framed.
/// </summary>
internal sealed class ChunkedAnswer : PassingStream, IHttpResponseBodyFeature, IHttpResponseTrailersFeature
{
    /// <summary>Hexadecimal digits of the largest piece that the forwarder writes, and room to spare.</summary>
    private const int MaxSizeLine = 10;

    private readonly IHttpResponseBodyFeature client;
    private readonly HttpResponse response;

    private ChunkedAnswer(IHttpResponseBodyFeature client, HttpResponse response)
        : base(client.Stream) => (this.client, this.response) = (client, response);

    public override bool CanRead => false;

    public override bool CanWrite => true;

    /// <summary>What follows the last chunk.</summary>
    public IHeaderDictionary Trailers { get; set; } = new HeaderDictionary();

    Stream IHttpResponseBodyFeature.Stream => this;

    PipeWriter IHttpResponseBodyFeature.Writer => throw new NotSupportedException("An answer with trailers is written as a stream.");

    private bool IsChunked => response.Headers.TransferEncoding.Count > 0;

    /// <summary>Frames the answer of this exchange from now on; the last to stand before Kestrel's own body.</summary>
    public static ChunkedAnswer Of(HttpContext http)
    {
        var answer = new ChunkedAnswer(http.Features.GetRequiredFeature<IHttpResponseBodyFeature>(), http.Response);
        http.Response.Headers.TransferEncoding = "chunked";
        http.Features.Set<IHttpResponseBodyFeature>(answer);
        http.Features.Set<IHttpResponseTrailersFeature>(answer);
        return answer;
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        // A chunk of no bytes would be the last.
        if (buffer.IsEmpty) return;
        if (!IsChunked)
        {
            await Inner.WriteAsync(buffer, cancellationToken);
            return;
        }

        var chunk = ArrayPool<byte>.Shared.Rent(MaxSizeLine + buffer.Length + 2);
        try
        {
            buffer.Length.TryFormat(chunk, out var digits, "x", CultureInfo.InvariantCulture);
            "\r\n"u8.CopyTo(chunk.AsSpan(digits));
            buffer.Span.CopyTo(chunk.AsSpan(digits + 2));
            "\r\n"u8.CopyTo(chunk.AsSpan(digits + 2 + buffer.Length));
            await Inner.WriteAsync(chunk.AsMemory(0, digits + buffer.Length + 4), cancellationToken);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(chunk);
        }
    }

    /// <summary>The app's answer is whole: the last chunk, and the trailers behind it. Without this call the client sees that something is missing.</summary>
    public async ValueTask End(CancellationToken cancellationToken)
    {
        if (!IsChunked) return;
        var end = new StringBuilder("0\r\n");
        foreach (var (name, values) in Trailers)
        {
            if (!ResponseRules.IsClean(values)) continue;
            foreach (var value in values) end.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        await Inner.WriteAsync(Encoding.Latin1.GetBytes(end.Append("\r\n").ToString()), cancellationToken);
    }

    Task IHttpResponseBodyFeature.StartAsync(CancellationToken cancellationToken) => client.StartAsync(cancellationToken);

    Task IHttpResponseBodyFeature.CompleteAsync() => client.CompleteAsync();

    void IHttpResponseBodyFeature.DisableBuffering() => client.DisableBuffering();

    Task IHttpResponseBodyFeature.SendFileAsync(string path, long offset, long? count, CancellationToken cancellationToken) =>
        throw new NotSupportedException("An answer with trailers is written as a stream.");
}
