using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Stands between Kestrel's HTTP/2 frame writer and the transport, so that a quiet connection can be told to go elsewhere without being
/// closed: GOAWAY with the highest stream id and NO_ERROR announces a shutdown and refuses nothing (RFC 9113 section 6.8). Kestrel's own
/// graceful close sends that frame too, but ends a quiet connection in the same breath. Kestrel flushes on frame boundaries only, so a
/// frame of ours goes out right after a flush of its, never inside one.
/// </summary>
/// <param name="inner">The transport's, which is ended by its owner after Kestrel has let go of it.</param>
/// <param name="takesTurns">
/// TLS ends in a stream, and its writer takes no byte while it flushes: they would be lost or sent twice. A pipe does.
/// </param>
internal sealed class GoAwayWriter(PipeWriter inner, bool takesTurns) : PipeWriter
{
    private const uint NoError = 0;
    private const uint ProtocolError = 1;
    private const uint EnhanceYourCalm = 0xb;
    private static readonly byte[] GoAway = MakeFrame(NoError);
    private static readonly byte[] Malformed = MakeFrame(ProtocolError);
    private static readonly byte[] TooMuch = MakeFrame(EnhanceYourCalm);

    /// <summary>Without parameters: length 0, type 4.</summary>
    private static readonly byte[] Settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    private readonly Lock gate = new();
    private ArrayBufferWriter<byte>? aside;
    private bool isAside;
    private bool isDropped;
    private bool flushing;
    private bool writing;
    private bool flushedOnce;
    private byte[]? pending;

    /// <summary>The flush of a frame of ours; a pipe has one flush at a time.</summary>
    private Task? own;
    private bool completed;

    /// <summary>The last frame has gone out: what Kestrel still writes, a GOAWAY without an error among it, is dropped.</summary>
    private bool saidLast;
    private long written;

    /// <summary>Bytes that Kestrel has written so far.</summary>
    public long Written => Volatile.Read(ref written);

    public bool Announced { get; private set; }

    /// <summary>Announces the shutdown, now or with the next flush; once.</summary>
    public void Announce()
    {
        lock (gate)
        {
            if (Announced || completed) return;
            Announced = true;
            Send(GoAway);
        }
    }

    /// <summary>Tells the peer why its connection is about to be closed, as the last that it hears.</summary>
    /// <param name="isMalformed">It breaks the protocol; else it sends too many frames (RFC 9113 section 10.5).</param>
    public void Tell(bool isMalformed)
    {
        lock (gate)
        {
            if (completed || saidLast) return;
            if (!flushedOnce && !writing)
            {
                // Kestrel has not begun and does not need to: the first frame of a server must be SETTINGS (RFC 9113 section 3.4).
                inner.Write(Settings);
                flushedOnce = true;
            }

            Send(isMalformed ? Malformed : TooMuch);
        }
    }

    /// <summary>Puts a whole frame between Kestrel's; false when it is writing some just now.</summary>
    public bool TryInsert(byte[] frame)
    {
        lock (gate)
        {
            if (writing || flushing || OwnIsUnderWay || !flushedOnce || completed) return false;
            Send(frame);
            return true;
        }
    }

    private void Send(byte[] frame)
    {
        // The first frame of a server must be SETTINGS (RFC 9113 section 3.4).
        if (writing || flushing || !flushedOnce || OwnIsUnderWay)
        {
            pending = frame;
            return;
        }

        Put(frame);
        own = FlushOwn();
    }

    /// <summary>Whoever holds the gate.</summary>
    private void Put(byte[] frame)
    {
        inner.Write(frame);
        saidLast |= ReferenceEquals(frame, TooMuch) || ReferenceEquals(frame, Malformed);
    }

    public override void Advance(int bytes)
    {
        lock (gate)
        {
            written += bytes;
            if (isAside) aside!.Advance(bytes);
            else inner.Advance(bytes);
        }
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        lock (gate)
        {
            BeginWriting();
            return isAside ? aside!.GetMemory(sizeHint) : inner.GetMemory(sizeHint);
        }
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        lock (gate)
        {
            BeginWriting();
            return isAside ? aside!.GetSpan(sizeHint) : inner.GetSpan(sizeHint);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            writing = false;
            flushedOnce = true;
            if (isDropped)
            {
                isDropped = isAside = false;
                aside!.ResetWrittenCount();
                return default;
            }

            if (OwnIsUnderWay || isAside)
            {
                flushing = true;
                return After(own!, cancellationToken);
            }

            TakePending();
            var flush = inner.FlushAsync(cancellationToken);
            if (flush.IsCompleted || !takesTurns) return flush;
            flushing = true;
            return Finish(flush, cancellationToken);
        }
    }

    private bool OwnIsUnderWay => own is { IsCompleted: false };

    /// <summary>Whoever holds the gate. While a flush of ours is under way, what Kestrel writes until its next flush stands aside.</summary>
    private void BeginWriting()
    {
        if (writing) return;
        writing = true;
        isDropped = saidLast;
        isAside = isDropped || (takesTurns && OwnIsUnderWay);
        if (isAside) aside ??= new();
    }

    /// <summary>Whoever holds the gate.</summary>
    private bool TakePending()
    {
        if (pending is not { } frame) return false;
        pending = null;
        Put(frame);
        return true;
    }

    private async ValueTask<FlushResult> After(Task ours, CancellationToken cancel)
    {
        await ours;
        ValueTask<FlushResult> flush;
        lock (gate)
        {
            if (isAside)
            {
                inner.Write(aside!.WrittenSpan);
                aside.ResetWrittenCount();
                isAside = false;
            }

            TakePending();
            flush = inner.FlushAsync(cancel);
        }

        return await Finish(flush, cancel);
    }

    /// <summary>The end of Kestrel's flush; a frame that came meanwhile goes out behind it, before Kestrel writes again.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> Finish(ValueTask<FlushResult> flush, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                var result = await flush;
                lock (gate)
                {
                    if (completed || !TakePending())
                    {
                        flushing = false;
                        return result;
                    }

                    flush = inner.FlushAsync(cancel);
                }
            }
        }
        catch
        {
            lock (gate) flushing = false;
            throw;
        }
    }

    private async Task FlushOwn()
    {
        try
        {
            while (true)
            {
                await inner.FlushAsync();
                lock (gate)
                {
                    // Kestrel's flush, if it waits for this one, takes the next frame along.
                    if (completed || writing || flushing || !TakePending()) return;
                }
            }
        }
        catch (Exception e) when (e is IOException or InvalidOperationException or OperationCanceledException)
        {
            // The connection is ending: there is nobody left to tell.
        }
    }

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes + (isAside ? aside!.WrittenCount : 0);

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        lock (gate)
        {
            // A frame that waited for a flush goes out behind the last of Kestrel's: what is written is still sent when the pipe ends.
            if (!completed && (exception is null || !writing) && pending is { } frame && flushedOnce) inner.Write(frame);
            (pending, completed) = (null, true);
        }
    }

    /// <summary>Hands what was written last to the kernel, once Kestrel is done.</summary>
    public async Task SendRest()
    {
        if (own is { } ours) await ours;
        await FlushOwn();
    }

    private static byte[] MakeFrame(uint error)
    {
        // Length 8, type GOAWAY (7), no flags, stream 0; last stream 2^31-1.
        var frame = new byte[17];
        frame[2] = 8;
        frame[3] = 7;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(9), int.MaxValue);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(13), error);
        return frame;
    }
}

/// <summary>A transport whose output was replaced.</summary>
internal sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input => input;

    public PipeWriter Output => output;
}
