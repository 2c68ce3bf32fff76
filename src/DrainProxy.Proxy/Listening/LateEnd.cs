using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// The last moments of a connection that ends while its peer still sends: closing with unread bytes makes the kernel send a reset, which can take the
/// answer or GOAWAY away from its reader (RFC 9112 section 9.6, RFC 9113 section 5.4.1).
/// </summary>
internal static class LateEnd
{
    /// <summary>How long what a client still sends is dropped after an early end.</summary>
    public static readonly TimeSpan DiscardFor = TimeSpan.FromSeconds(2);

    /// <summary>How many bytes of an HTTP/2 connection that ended early are dropped at most: more than a flood has under way when it is seen.</summary>
    private const int DiscardHttp2 = 64 * 1024 * 1024;

    public static async Task OfClearText(TrackedConnection connection, TimeProvider time)
    {
        if (connection.Http1 is not null && !connection.ShutdownSend()) return;
        using var limit = new CancellationTokenSource(DiscardFor, time);
        try
        {
            if (connection.Http1 is { } reader) await reader.Discard(limit.Token);
            else await connection.SeeOut(DiscardHttp2, tls: null, limit.Token);
        }
        catch (Exception e) when (Expected(e))
        {
            // Long enough, or gone.
        }
    }

    /// <summary>Behind TLS the peer hears close_notify before our FIN (RFC 8446 section 6.1).</summary>
    public static async Task OfTls(TrackedConnection connection, ConnectionContext context, TimeProvider time)
    {
        using var limit = new CancellationTokenSource(DiscardFor, time);
        try
        {
            await connection.SeeOut(DiscardHttp2, context.Features.Get<ISslStreamFeature>()?.SslStream, limit.Token);
        }
        catch (Exception e) when (Expected(e))
        {
            // Long enough, or gone.
        }
    }

    private static bool Expected(Exception e) => e is OperationCanceledException or IOException or InvalidOperationException or ObjectDisposedException;
}
