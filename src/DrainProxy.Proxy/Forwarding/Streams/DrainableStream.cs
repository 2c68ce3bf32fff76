using DrainProxy.Proxy.Draining;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// The app's side of an exchange that has no end of its own. Passes bytes on as they come; once told to end, it stops at the next message
/// boundary as if the app had finished, so that the client sees whole messages and a clean end.
/// </summary>
internal abstract class DrainableStream(Stream inner, StreamKind kind, IMessageBoundary boundary) : PassingStream(inner)
{
    private readonly TaskCompletionSource ending = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<int>? pendingPeek;
    private bool cut;

    public StreamKind Kind => kind;

    /// <summary>Whether DrainProxy ended this stream, not the app or the client.</summary>
    public bool EndedByUs { get; protected set; }

    protected IMessageBoundary FromApp => boundary;

    protected bool Ending => ending.Task.IsCompleted;

    /// <summary>Ends the stream at its next message boundary.</summary>
    public virtual void End() => ending.TrySetResult();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (cut || (Ending && boundary.AtBoundary)) return await OnEnd(buffer, cancellationToken);
        if (!await WaitReadable(cancellationToken)) return await OnEnd(buffer, cancellationToken);
        if (buffer.IsEmpty) return 0;

        var read = await Inner.ReadAsync(buffer, cancellationToken);
        if (read == 0) return 0;
        if (!Ending)
        {
            boundary.Advance(buffer.Span[..read]);
            return read;
        }

        var whole = boundary.Advance(buffer.Span[..read]);
        if (whole < 0) return read;
        // What came behind the boundary is not passed on.
        cut = true;
        return whole;
    }

    /// <summary>What the reader gets once the end is due on a boundary; 0 ends the stream.</summary>
    protected virtual ValueTask<int> OnEnd(Memory<byte> buffer, CancellationToken cancel)
    {
        EndedByUs = true;
        return new(0);
    }

    /// <summary>
    /// Waits until the app has sent something, or until the end is due on a boundary (false). The peek outlives the wait: cancelling it
    /// would close the connection to the app.
    /// </summary>
    protected async ValueTask<bool> WaitReadable(CancellationToken cancel)
    {
        pendingPeek ??= Inner.ReadAsync(Memory<byte>.Empty, cancel).AsTask();
        if (!pendingPeek.IsCompleted && boundary.AtBoundary)
        {
            await Task.WhenAny(pendingPeek, ending.Task);
            if (!pendingPeek.IsCompleted) return false;
        }

        var peek = pendingPeek;
        await peek;
        pendingPeek = null;
        return true;
    }

    /// <summary>Waits for the peek in flight, if any, so that the next read is the only one.</summary>
    protected async ValueTask SettlePeek(CancellationToken cancel)
    {
        if (pendingPeek is not { } peek) return;
        await peek.WaitAsync(cancel);
        pendingPeek = null;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        // A peek that fails because of the disposal is nobody's error.
        if (disposing) pendingPeek?.ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
    }
}

/// <summary>Server-sent events and gRPC: ending is all there is to do.</summary>
internal sealed class MessageStream(Stream inner, StreamKind kind, IMessageBoundary boundary) : DrainableStream(inner, kind, boundary);

/// <summary>Hands out another stream in place of the app's body.</summary>
internal sealed class WrappedContent(HttpContent inner, Func<Stream, Stream> wrap) : HttpContent
{
    protected override async Task<Stream> CreateContentReadStreamAsync() => wrap(await inner.ReadAsStreamAsync());

    protected override async Task<Stream> CreateContentReadStreamAsync(CancellationToken cancellationToken) =>
        wrap(await inner.ReadAsStreamAsync(cancellationToken));

    protected override async Task SerializeToStreamAsync(Stream stream, System.Net.TransportContext? context)
    {
        await using var source = wrap(await inner.ReadAsStreamAsync());
        await source.CopyToAsync(stream);
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
