using Microsoft.AspNetCore.Http;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// The body of an answer whose app may be silent for a limited time only. When such an exchange is given up, the forwarder tells that it was cancelled or that
/// the app has ended it: this knows whether a read of the app's side was given up, whatever the read then said of it.
/// </summary>
internal sealed class SilenceWatch(Stream inner, HttpContext http) : PassingStream(inner)
{
    /// <summary>The app was being waited for when the exchange was given up, and the client was still there: for its silence, unless the drain has cut it.</summary>
    public bool GaveUp { get; private set; }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await Inner.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception)
        {
            // Asked now: the forwarder aborts the client's side next, and that looks like a client that has left.
            GaveUp = cancellationToken.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested;
            throw;
        }
    }
}
