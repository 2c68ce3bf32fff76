using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// How many uploads are on their way to the app at once, by our own container's limit. One to an app that does not read holds memory of ours late, when the kernel's buffers are full:
/// a thousand of them would end the process without a warning. Who finds no room waits with its body unread, first come first served.
/// </summary>
/// <param name="most">Uploads at once.</param>
/// <param name="waitMost">How many may wait.</param>
/// <param name="patience">How long one waits.</param>
internal sealed class UploadRoom(int most, int waitMost, TimeSpan patience, Lifecycle lifecycle, TimeProvider time) : IDisposable
{
    private readonly SemaphoreSlim room = new(most, most);
    private int waiting;

    /// <summary>Whether its body is larger than what is kept of small ones, or of unknown length. Messages of gRPC are small and its streams stay: they do not count.</summary>
    public static bool Counts(HttpContext http)
    {
        var request = http.Request;
        if (request.ContentLength is { } length) return length > KeptBody.MostPerRequest;
        if (HttpMethods.IsGet(request.Method) && request.Headers.TransferEncoding.Count == 0) return false;
        return http.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true } && request.Headers.Upgrade.Count == 0 && request.Method != HttpMethods.Connect
            && !(request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) ?? false);
    }

    /// <summary>Takes a place, to be given back by <see cref="Leave"/> where the result is Released.</summary>
    public async ValueTask<HoldResult> Enter(CancellationToken clientGone)
    {
        if (room.Wait(0, CancellationToken.None)) return HoldResult.Released;
        if (Interlocked.Increment(ref waiting) > waitMost)
        {
            Interlocked.Decrement(ref waiting);
            return HoldResult.Full;
        }

        try
        {
            using var late = new CancellationTokenSource(patience, time);
            using var any = CancellationTokenSource.CreateLinkedTokenSource(clientGone, lifecycle.Cut, late.Token);
            await room.WaitAsync(any.Token);
            return HoldResult.Released;
        }
        catch (OperationCanceledException)
        {
            return clientGone.IsCancellationRequested ? HoldResult.ClientGone : lifecycle.Cut.IsCancellationRequested ? HoldResult.Cut : HoldResult.Exhausted;
        }
        finally
        {
            Interlocked.Decrement(ref waiting);
        }
    }

    public void Leave() => room.Release();

    public void Dispose() => room.Dispose();
}
