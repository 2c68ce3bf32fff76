using System.Buffers;
using System.IO.Pipelines;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>Bodies that are being read or looked at, together within a bound: a thousand slow callers cost no more memory than a few.</summary>
internal sealed class BodyRoom(long bytes)
{
    private long free = bytes;

    /// <summary>What is not taken now; all of it when no review is under way.</summary>
    public long Free => Volatile.Read(ref free);

    public bool TryTake(long wanted)
    {
        if (Interlocked.Add(ref free, -wanted) >= 0) return true;
        Interlocked.Add(ref free, wanted);
        return false;
    }

    public void GiveBack(long taken) => Interlocked.Add(ref free, taken);
}

/// <summary>One body, read whole. Disposing gives its room and its buffer back.</summary>
internal sealed class ReviewBody(BodyRoom room) : IDisposable
{
    /// <summary>The API server takes requests up to 3 MiB, and its reviews are of that size.</summary>
    public const int Largest = 3 << 20;

    private const int FirstSize = 16 << 10;
    private byte[] buffer = [];
    private int length;
    private long taken;

    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, length);

    /// <returns>null when the body is there, else how the call ends.</returns>
    public async Task<ReviewOutcome?> Read(PipeReader reader, CancellationToken cancel)
    {
        while (true)
        {
            var result = await reader.ReadAsync(cancel);
            foreach (var segment in result.Buffer)
            {
                if (length + segment.Length > Largest) return ReviewOutcome.TooLarge;
                if (!Grow(length + segment.Length)) return ReviewOutcome.Busy;
                segment.Span.CopyTo(buffer.AsSpan(length));
                length += segment.Length;
            }

            reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) return null;
        }
    }

    public void Dispose()
    {
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        room.GiveBack(taken);
        (buffer, length, taken) = ([], 0, 0);
    }

    private bool Grow(int needed)
    {
        if (needed <= buffer.Length) return true;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(FirstSize, Math.Min(buffer.Length * 2, Largest))));
        if (!room.TryTake(larger.Length - taken))
        {
            ArrayPool<byte>.Shared.Return(larger);
            return false;
        }

        taken = larger.Length;
        Bytes.CopyTo(larger);
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
        return true;
    }
}
