using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using DrainProxy.Decisions.Framing;

namespace DrainProxy.Proxy.Listening.Http2;

/// <summary>
/// Looks at the frames of an HTTP/2 client on their way to Kestrel and ends the connection of one that floods: GOAWAY with
/// ENHANCE_YOUR_CALM, and Kestrel sees the end of the input before the bytes that were too much. One that does not begin with SETTINGS is not
/// listened to. Nothing is kept back or changed before that.
/// </summary>
internal sealed class FrameReader(PipeReader inner, GoAwayWriter writer, TrackedConnection connection, TimeProvider time) : PipeReader
{
    /// <summary>Bytes of one read from which on they are handled by the thread pool: more than a handful of requests, messages or small frames.</summary>
    private const int Many = 2048;

    private readonly long openedAt = time.GetTimestamp();
    private ReadOnlySequence<byte> buffer;
    private FrameFlood flood;
    private long looked;
    private volatile bool ended;
    private bool peerEnded;

    private static ReadResult EndOfInput => new(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true);

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (ended) return new(EndOfInput);
        var read = inner.ReadAsync(cancellationToken);
        return read.IsCompletedSuccessfully ? new(Look(read.Result)) : Slow(read);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (ended)
        {
            result = EndOfInput;
            return true;
        }

        if (!inner.TryRead(out result)) return false;
        result = Look(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (buffer.IsEmpty && ended) return;
        looked -= buffer.Slice(buffer.Start, consumed).Length;
        buffer = default;
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    /// <summary>The peer has not ended the connection, or not that anybody saw.</summary>
    public bool EndsEarly => !peerEnded;

    /// <summary>We have ended it, and say so.</summary>
    public bool IsEnded => ended;

    /// <summary>
    /// Says that it was too much and ends the input, for Kestrel as if the peer had left. From any thread, with any lock: what waits for the input goes on in a
    /// thread of its own.
    /// </summary>
    public void End()
    {
        if (ended) return;
        ended = true;
        ThreadPool.UnsafeQueueUserWorkItem(static reader => reader.EndNow(), this, preferLocal: false);
    }

    private void EndNow()
    {
        try
        {
            writer.Tell(isMalformed: false);
            inner.CancelPendingRead();
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or ObjectDisposedException)
        {
            // It has ended meanwhile.
        }
    }

    /// <summary>The transport's reader stays open: see <see cref="Discard"/>.</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    /// <summary>
    /// Reads and drops what still comes, until the peer closes: closing with unread bytes makes the kernel send a reset, which can take a GOAWAY away
    /// from its reader (RFC 9113 section 5.4.1).
    /// </summary>
    /// <param name="most">Bytes after which it was enough.</param>
    /// <param name="cancel">Says that it was long enough.</param>
    public async Task Discard(long most, CancellationToken cancel)
    {
        while (most > 0)
        {
            var read = await inner.ReadAsync(cancel);
            most -= read.Buffer.Length;
            inner.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Slow(ValueTask<ReadResult> read)
    {
        try
        {
            var result = await read;
            // Bytes came on the thread of all sockets: what takes long with them must not hold the others up.
            if (result.Buffer.Length >= Many) await Task.Yield();
            return Look(result);
        }
        catch (Exception e) when (Fails(e))
        {
            throw;
        }
    }

    private bool Fails(Exception e)
    {
        peerEnded = true;
        return connection.Fails(e);
    }

    /// <summary>Kestrel sees nothing of what came last.</summary>
    private ReadResult Drop()
    {
        inner.AdvanceTo(buffer.End);
        buffer = default;
        return EndOfInput;
    }

    private ReadResult Look(in ReadResult raw)
    {
        buffer = raw.Buffer;
        peerEnded |= raw.IsCompleted;
        if (ended) return Drop();
        if (buffer.Length <= looked) return raw;
        var now = time.GetElapsedTime(openedAt);
        foreach (var segment in buffer.Slice(looked))
        {
            if (!flood.Advance(segment.Span, now, writer.Written)) continue;
            ended = true;
            writer.Tell(flood.HasBadPreface);
            return Drop();
        }

        looked = buffer.Length;
        return raw;
    }
}
