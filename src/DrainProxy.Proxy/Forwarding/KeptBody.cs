using System.Buffers;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// A small body, kept while it is sent to the app for the first time, so that it can be sent a second time. Only where that may be allowed:
/// see <see cref="Exchange.KeepBody"/>. A mutable value of its exchange; used by one writer at a time.
/// </summary>
internal struct KeptBody
{
    /// <summary>Largest body that is kept, in bytes: forms and JSON documents are smaller, uploads are not.</summary>
    public const int MostPerRequest = 16 * 1024;

    /// <summary>Bytes kept in all: 512 of the largest at once.</summary>
    public const long MostInAll = 8 * 1024 * 1024;

    private static long inAll;
    private byte[]? bytes;
    private int size;
    private int filled;

    /// <summary>The whole body is here.</summary>
    public readonly bool IsWhole => bytes is not null && filled == size;

    public readonly ReadOnlyMemory<byte> Bytes => bytes.AsMemory(0, filled);

    /// <summary>Makes room for a body of this length; without room nothing is kept.</summary>
    public void Begin(long length)
    {
        if (bytes is not null || length is <= 0 or > MostPerRequest) return;
        if (Interlocked.Add(ref inAll, length) > MostInAll)
        {
            Interlocked.Add(ref inAll, -length);
            return;
        }

        (bytes, size, filled) = (ArrayPool<byte>.Shared.Rent((int)length), (int)length, 0);
    }

    /// <summary>Keeps the next bytes, if the body is kept at all.</summary>
    public void Add(ReadOnlySpan<byte> next)
    {
        // More than was announced is refused before it comes here.
        if (bytes is null || next.Length > size - filled) return;
        next.CopyTo(bytes.AsSpan(filled));
        filled += next.Length;
    }

    /// <summary>Gives the memory back.</summary>
    public void End()
    {
        if (bytes is null) return;
        Interlocked.Add(ref inAll, -size);
        ArrayPool<byte>.Shared.Return(bytes);
        (bytes, size, filled) = (null, 0, 0);
    }
}
