using System.Buffers.Binary;

namespace DrainProxy.Decisions.Framing;

/// <summary>
/// Follows the frames that an HTTP/2 client sends and weighs those that cost us work and it nothing: PING, SETTINGS, PRIORITY, empty DATA,
/// CONTINUATION and unknown types (RFC 9113 section 10.5). Streams that are opened and reset are Kestrel's matter, which ends them itself.
/// A mutable value: it lives in the reader of its connection.
/// </summary>
public struct FrameFlood
{
    /// <summary>Weight allowed in one window. A gRPC client that measures bandwidth sends some PINGs a second, a browser a handful in all.</summary>
    public const int Allowed = 5000;

    /// <summary>Length of the window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private const int Heavy = 5;
    private const int PrefaceLength = 24;
    private const int HeaderLength = 9;
    private long header;
    private int headerBytes;
    private int skip;
    private bool begun;
    private bool hasFrame;
    private byte type;
    private TimeSpan windowStart;
    private int weight;

    /// <summary>The first frame is not SETTINGS, so that this is no HTTP/2 client (RFC 9113 section 3.4).</summary>
    public bool HasBadPreface { get; private set; }

    /// <summary>Takes the next bytes of the connection, the preface included; true when they are too much, or no client would begin so.</summary>
    public bool Advance(ReadOnlySpan<byte> bytes, TimeSpan now)
    {
        if (!begun)
        {
            begun = true;
            skip = PrefaceLength;
            windowStart = now;
        }

        while (true)
        {
            var step = Math.Min(skip, bytes.Length);
            bytes = bytes[step..];
            skip -= step;
            if (bytes.IsEmpty) return false;
            if (headerBytes == 0 && bytes.Length >= HeaderLength)
            {
                Frame((int)(BinaryPrimitives.ReadUInt32BigEndian(bytes) >> 8), bytes[3], bytes[4], now);
                bytes = bytes[HeaderLength..];
            }
            else
            {
                // Length and type, then flags; the stream id does not matter.
                if (headerBytes < 5) header = (header << 8) | bytes[0];
                bytes = bytes[1..];
                if (++headerBytes < HeaderLength) continue;
                Frame((int)(header >> 16), (byte)(header >> 8), (byte)header, now);
                (header, headerBytes) = (0, 0);
            }

            if (weight > Allowed || HasBadPreface) return true;
        }
    }

    private void Frame(int length, byte frameType, byte flags, TimeSpan now)
    {
        skip = length;
        type = frameType;
        if (!hasFrame)
        {
            // Part of the preface, so it costs nothing.
            (hasFrame, HasBadPreface) = (true, type != 0x4 || (flags & 1) != 0);
            return;
        }

        var cost = type switch
        {
            0x0 when length == 0 && (flags & 1) == 0 => Heavy, // DATA without content that does not end the stream
            0x2 or 0x6 => 1, // PRIORITY, PING
            0x4 or 0x9 or > 0x9 => Heavy, // SETTINGS, CONTINUATION, unknown
            _ => 0,
        };
        if (cost == 0) return;
        if (now - windowStart > Window) (windowStart, weight) = (now, 0);
        weight += cost;
    }
}
