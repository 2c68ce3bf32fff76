using DrainProxy.Decisions.Framing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// The body of an HTTP/2 request with a length. Its last bytes wait for the end of the stream: an HTTP/1.1 app takes them for the end of the
/// request, and more DATA or a bad trailer behind them make it one that is not to be sent on (RFC 9113 section 8.1.1).
/// </summary>
internal sealed class WholeBody(Stream inner, long length, Exchange exchange) : PassingStream(inner)
{
    private long left = length;

    /// <summary>
    /// Whether the request says that it has no content and yet may have some; <see cref="EndsEmpty"/> has to be waited for then, since the app would
    /// take the head alone for the whole request.
    /// </summary>
    public static bool MayContradict(Exchange exchange) =>
        exchange is { IsHttp2: true, Http.Request.ContentLength: 0 } && exchange.Http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true };

    /// <summary>Waits for the end of a request of no content; false when it was none.</summary>
    /// <exception cref="BadHttpRequestException">It did not come in time.</exception>
    public static async Task<bool> EndsEmpty(Exchange exchange)
    {
        try
        {
            return await exchange.Http.Request.Body.ReadAsync(new byte[1], exchange.Http.RequestAborted) == 0 && RequestRules.TrailersAreValid(exchange.Http.Request);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException && e is not BadHttpRequestException)
        {
            return false;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await Inner.ReadAsync(buffer, cancellationToken);
        left -= count;
        if (count == 0 || left > 0) return count;
        // Kestrel ends a stream with more.
        if (await Inner.ReadAsync(new byte[1], cancellationToken) == 0 && RequestRules.TrailersAreValid(exchange.Http.Request)) return count;
        exchange.Refusal = FramingFault.Trailer;
        throw new InvalidDataException("What follows the content is malformed.");
    }
}
