namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>A request body's way out in which nothing waits for more: every write is flushed, and the head may go before the first.</summary>
/// <param name="inner">Where it goes.</param>
/// <param name="exchange">Counts the bytes first.</param>
/// <param name="whenAnswered">To be waited for before a write fails whose stream the app has reset.</param>
internal sealed class FlushedStream(Stream inner, Exchange? exchange, Func<Task> whenAnswered) : PassingStream(inner)
{
    private const int Untouched = 0;
    private const int Writing = 1;
    private const int FlushingHead = 2;
    private readonly TaskCompletionSource headFlushed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock gate = new();
    private TaskCompletionSource? left;
    private int state;
    private bool writing;

    /// <summary>Bytes that were written.</summary>
    public long Passed { get; private set; }

    public override bool CanRead => false;

    public override bool CanWrite => true;

    /// <summary>Flushes what stands before the body, unless the body has begun.</summary>
    public async Task FlushHead(CancellationToken cancel)
    {
        if (Interlocked.CompareExchange(ref state, FlushingHead, Untouched) != Untouched) return;
        try
        {
            await Inner.FlushAsync(cancel);
        }
        catch (Exception) when (cancel.IsCancellationRequested)
        {
            // Refused before the flush was known to be done. The copy of the body ends by the same cancellation, and its failure is the one that is told.
        }
        finally
        {
            headFlushed.SetResult();
        }
    }

    /// <summary>From now on nothing is passed; completes when a write under way has ended.</summary>
    public Task Leave()
    {
        lock (gate)
        {
            left ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!writing) left.TrySetResult();
            return left.Task;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (left is not null) return;
            writing = true;
        }

        try
        {
            if (Interlocked.CompareExchange(ref state, Writing, Untouched) == FlushingHead) await headFlushed.Task;
            Passed += buffer.Length;
            exchange?.Passes(buffer.Length);
            await Inner.WriteAsync(buffer, cancellationToken);
            await Inner.FlushAsync(cancellationToken);
        }
        catch (HttpRequestException)
        {
            // Said by HTTP/2 only, of a stream that was refused.
            await whenAnswered();
            throw;
        }
        finally
        {
            lock (gate)
            {
                writing = false;
                left?.TrySetResult();
            }
        }
    }
}
