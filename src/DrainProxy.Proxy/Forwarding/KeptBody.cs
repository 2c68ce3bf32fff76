using System.Buffers;
using DrainProxy.Proxy.Forwarding.Streams;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// A small body, kept while it is taken from the client, so that each attempt at the app reads it from its start: what has come already from memory,
/// the rest from the client. Which requests have one: see <see cref="Exchange.KeepBody"/>.
/// <para>
/// The client is read without a cancellation, and whoever comes next waits for the same read: Kestrel takes a body of known length for being read for
/// ever when one of its reads was cancelled (Http1ContentLengthMessageBody of .NET 10), and an attempt that was refused halfway cancels its read.
/// </para>
/// </summary>
internal sealed class KeptBody
{
    /// <summary>Largest body that is kept, in bytes: forms and JSON documents are smaller, uploads are not.</summary>
    public const int MostPerRequest = 16 * 1024;

    /// <summary>Bytes kept in all: 512 of the largest at once.</summary>
    public const long MostInAll = 8 * 1024 * 1024;

    /// <summary>Room for a body of unknown length at first, in bytes: most gRPC messages are smaller.</summary>
    private const int FirstRoom = 2 * 1024;

    private static long inAll;
    private readonly Lock gate = new();
    private readonly Stream client;
    private readonly bool lengthIsKnown;
    private byte[]? bytes;
    private int room;
    private int filled;
    private bool ended;
    private bool isLast;
    private Task? read;

    private KeptBody(Stream client, int room, bool lengthIsKnown) =>
        (this.client, this.room, this.lengthIsKnown, bytes) = (client, room, lengthIsKnown, ArrayPool<byte>.Shared.Rent(room));

    /// <summary>Bytes that are reserved for bodies now, in all.</summary>
    public static long InAll => Interlocked.Read(ref inAll);

    /// <summary>Bytes of the body were taken from the client and are not here any more: it cannot be sent again.</summary>
    public bool IsLost
    {
        get { lock (gate) return bytes is null; }
    }

    /// <summary>Begins to keep a body; null when it is too long, or when too much is kept already.</summary>
    /// <param name="client">The body as it comes.</param>
    /// <param name="length">In bytes; null when it is not known beforehand.</param>
    /// <param name="mayHaveTrailer">The end comes by itself, also behind a known length: over HTTP/2 there may be a trailer before it.</param>
    public static KeptBody? Begin(Stream client, long? length, bool mayHaveTrailer = false)
    {
        if (length is <= 0 or > MostPerRequest) return null;
        // The read that finds the end needs room, too.
        var room = length is null ? FirstRoom : (int)length + (mayHaveTrailer ? 1 : 0);
        return Reserve(room) ? new(client, room, length is not null && !mayHaveTrailer) : null;
    }

    /// <summary>The body from its start, for one attempt.</summary>
    public Stream Read() => new Reader(this);

    /// <summary>This attempt is the last: what it has read is not kept any longer.</summary>
    public void Last()
    {
        lock (gate) isLast = true;
    }

    /// <summary>Nobody reads any more.</summary>
    public void End()
    {
        lock (gate) Free();
    }

    private static bool Reserve(int room)
    {
        if (Interlocked.Add(ref inAll, room) <= MostInAll) return true;
        Interlocked.Add(ref inAll, -room);
        return false;
    }

    private void Free()
    {
        if (bytes is null) return;
        Interlocked.Add(ref inAll, -room);
        // A read that is still under way may write to it.
        if (read is null or { IsCompleted: true }) ArrayPool<byte>.Shared.Return(bytes);
        bytes = null;
    }

    /// <summary>Room for more; false when there is none, and what has been kept is given up.</summary>
    private bool HasRoom()
    {
        if (filled < room) return true;
        if (room >= MostPerRequest || !Reserve(MostPerRequest - room))
        {
            Free();
            return false;
        }

        var larger = ArrayPool<byte>.Shared.Rent(MostPerRequest);
        bytes.AsSpan(0, filled).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(bytes!);
        (bytes, room) = (larger, MostPerRequest);
        return true;
    }

    private async Task Take(Memory<byte> free)
    {
        var count = await client.ReadAsync(free, CancellationToken.None);
        lock (gate)
        {
            filled += count;
            ended = count == 0 || (lengthIsKnown && filled == room);
            read = null;
        }
    }

    private sealed class Reader(KeptBody body) : PassingStream(body.client)
    {
        private int position;

        public override bool CanWrite => false;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                Task more;
                lock (body.gate)
                {
                    if (body.bytes is null) break;
                    if (position < body.filled) return Copy(buffer.Span);
                    if (body.ended) return 0;
                    if (body.read is null)
                    {
                        if (body.isLast) body.Free();
                        if (body.bytes is null || !body.HasRoom()) break;
                        var taking = body.Take(body.bytes.AsMemory(body.filled, body.room - body.filled));
                        if (!taking.IsCompletedSuccessfully) body.read = taking;
                    }

                    more = body.read ?? Task.CompletedTask;
                }

                await more.WaitAsync(cancellationToken);
            }

            return await Inner.ReadAsync(buffer, cancellationToken);
        }

        private int Copy(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, body.filled - position);
            body.bytes.AsSpan(position, count).CopyTo(buffer);
            position += count;
            return count;
        }
    }
}
