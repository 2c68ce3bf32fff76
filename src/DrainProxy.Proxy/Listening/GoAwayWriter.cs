using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Stands between Kestrel's HTTP/2 frame writer and the transport, so that a quiet connection can be told to go elsewhere without being
/// closed: GOAWAY with the highest stream id and NO_ERROR announces a shutdown and refuses nothing (RFC 9113 section 6.8). Kestrel's own
/// graceful close sends that frame too, but ends a quiet connection in the same breath. Kestrel flushes on frame boundaries only, so a
/// frame of ours goes out right after a flush of its, never inside one.
/// </summary>
internal sealed class GoAwayWriter(PipeWriter inner) : PipeWriter
{
    private static readonly byte[] GoAway = MakeFrame();
    private readonly Lock gate = new();
    private bool writing;
    private bool flushedOnce;
    private bool pending;
    private bool completed;

    public bool Announced { get; private set; }

    /// <summary>Announces the shutdown, now or with the next flush; once.</summary>
    public void Announce()
    {
        lock (gate)
        {
            if (Announced || completed) return;
            Announced = true;
            // The first frame of a server must be SETTINGS (RFC 9113 section 3.4).
            if (writing || !flushedOnce)
            {
                pending = true;
                return;
            }

            inner.Write(GoAway);
            _ = inner.FlushAsync().AsTask().ContinueWith(static t => _ = t.Exception, TaskScheduler.Default);
        }
    }

    public override void Advance(int bytes)
    {
        lock (gate) inner.Advance(bytes);
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        lock (gate)
        {
            writing = true;
            return inner.GetMemory(sizeHint);
        }
    }

    public override Span<byte> GetSpan(int sizeHint = 0)
    {
        lock (gate)
        {
            writing = true;
            return inner.GetSpan(sizeHint);
        }
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (pending)
            {
                pending = false;
                inner.Write(GoAway);
            }

            writing = false;
            flushedOnce = true;
            return inner.FlushAsync(cancellationToken);
        }
    }

    public override bool CanGetUnflushedBytes => inner.CanGetUnflushedBytes;

    public override long UnflushedBytes => inner.UnflushedBytes;

    public override void CancelPendingFlush() => inner.CancelPendingFlush();

    public override void Complete(Exception? exception = null)
    {
        lock (gate) completed = true;
        inner.Complete(exception);
    }

    private static byte[] MakeFrame()
    {
        // Length 8, type GOAWAY (7), no flags, stream 0; last stream 2^31-1, NO_ERROR.
        var frame = new byte[17];
        frame[2] = 8;
        frame[3] = 7;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(9), int.MaxValue);
        return frame;
    }
}

/// <summary>A transport whose output was replaced.</summary>
internal sealed class DuplexPipe(PipeReader input, PipeWriter output) : IDuplexPipe
{
    public PipeReader Input => input;

    public PipeWriter Output => output;
}
