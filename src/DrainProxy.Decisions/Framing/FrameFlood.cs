using System.Buffers.Binary;

namespace DrainProxy.Decisions.Framing;

/// <summary>
/// Follows the frames that an HTTP/2 client sends and weighs those that cost us work and it nothing (RFC 9113 section 10.5): PING, SETTINGS, PRIORITY,
/// WINDOW_UPDATE, RST_STREAM, DATA with next to no content, short pieces of header blocks, GOAWAY and unknown types. What answers something that
/// we have sent is free: a client may acknowledge, measure and cancel as fast as it is served. Never counted are whole header blocks, each of which is a
/// request, and DATA from <see cref="LeastContent"/> bytes on. A mutable value: it lives in the reader of its connection.
/// </summary>
public struct FrameFlood
{
    /// <summary>
    /// Weight allowed in one window: 1,000 frames of the dearest kinds, 5,000 of PING, PRIORITY, WINDOW_UPDATE and RST_STREAM, 10,000 of small DATA,
    /// beside those that answer something. A browser sends a handful of all in a connection's life.
    /// </summary>
    public const int Allowed = 10_000;

    /// <summary>Bytes of content from which on DATA is work: a gRPC message has 5 before it begins, a client's WebSocket frame 6 (RFC 6455 section 5.2).</summary>
    public const int LeastContent = 5;

    /// <summary>Most bytes of ours that a client may answer later, so that a long download does not pay for a flood after it.</summary>
    public const int MostCredit = 256 * 1024;

    /// <summary>Length of the window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Resets within <see cref="BurstWindow"/> that nothing of ours pays for: the streams that a client may have open, opened and reset twice and a half before an answer
    /// could go out. Kestrel's queue of answers overflows there, which ends the connection without a word.
    /// </summary>
    public const int Burst = 250;

    /// <summary>How long resets are one burst.</summary>
    public static readonly TimeSpan BurstWindow = TimeSpan.FromMilliseconds(100);

    private const int PrefaceLength = 24;
    private const int HeaderLength = 9;

    // Weights, and the bytes of ours that pay for one frame. The smallest DATA frame of ours has 10 bytes; clients acknowledge one with two
    // WINDOW_UPDATE, or measure the way with a PING (gRPC for Go does for each round trip while it receives). The smallest answer has 20.
    private const int Dear = 10, Cheap = 2, Small = 1;
    private const int Acknowledged = 5, Echoed = 10, Answered = 20;

    /// <summary>Length of the frames with which Kestrel answers PING and SETTINGS: they pay for nothing.</summary>
    private const int PingLength = 17, SettingsLength = 9;

    /// <summary>Bytes from which on a piece of a header block is not sent for its own sake: full ones have 16 KiB.</summary>
    private const int LeastPiece = 1024;

    private const byte EndOfBlock = 4, Padded = 8;
    private long header;
    private int headerBytes;
    private int skip;
    private int paddedLength;
    private bool begun;
    private bool hasFrame;
    private byte type;
    private TimeSpan windowStart;
    private int weight;
    private TimeSpan burstStart;
    private int burst;
    private long seenWritten;
    private long credit;

    /// <summary>The first frame is not SETTINGS, so that this is no HTTP/2 client (RFC 9113 section 3.4).</summary>
    public bool HasBadPreface { get; private set; }

    /// <summary>Takes the next bytes of the connection, the preface included; true when they are too much, or no client would begin so.</summary>
    /// <param name="bytes">What came.</param>
    /// <param name="now">Time from any zero; never earlier than the one before.</param>
    /// <param name="written">Bytes that have been written to the client so far.</param>
    public bool Advance(ReadOnlySpan<byte> bytes, TimeSpan now, long written = 0)
    {
        if (!begun)
        {
            begun = true;
            skip = PrefaceLength;
            windowStart = now;
        }

        credit = Math.Min(MostCredit, credit + written - seenWritten);
        seenWritten = written;
        while (true)
        {
            if (paddedLength > 0 && !bytes.IsEmpty)
            {
                Weigh(Data(paddedLength - 1 - bytes[0]), now);
                paddedLength = 0;
            }

            var step = Math.Min(skip, bytes.Length);
            bytes = bytes[step..];
            skip -= step;
            if (weight > Allowed || HasBadPreface) return true;
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
            0x0 when (flags & 1) != 0 => 0, // The last DATA of a stream.
            0x0 when (flags & Padded) != 0 && length > 0 => LaterByPadding(length),
            0x0 => Data(length),
            0x1 => length == 0 ? Dear : 0, // HEADERS
            0x2 or 0x10 => Cheap, // PRIORITY, PRIORITY_UPDATE (RFC 9218 section 7.1)
            0x3 => Reset(now), // RST_STREAM
            0x4 => Settings(flags),
            0x5 => 0, // PUSH_PROMISE: Kestrel ends the connection.
            0x6 => Ping(flags),
            0x8 => Free(Acknowledged) ? 0 : Cheap, // WINDOW_UPDATE
            0x9 => (flags & EndOfBlock) != 0 ? 0 : length < LeastPiece ? Dear : Small, // CONTINUATION
            _ => Dear, // GOAWAY, unknown
        };
        Weigh(cost, now);
    }

    private void Weigh(int cost, TimeSpan now)
    {
        if (cost == 0) return;
        if (now - windowStart > Window) (windowStart, weight) = (now, 0);
        weight += cost;
    }

    private int LaterByPadding(int length)
    {
        paddedLength = length;
        return 0;
    }

    private int Data(int content) => content <= 0 ? Dear : content >= LeastContent || Free(Echoed) ? 0 : Small;

    private int Ping(byte flags)
    {
        var cost = Free(Acknowledged) ? 0 : Cheap;
        if ((flags & 1) == 0) credit -= PingLength;
        return cost;
    }

    private int Reset(TimeSpan now)
    {
        if (Free(Answered)) return 0;
        if (now - burstStart > BurstWindow) (burstStart, burst) = (now, 0);
        return ++burst > Burst ? Allowed + 1 : Cheap;
    }

    private int Settings(byte flags)
    {
        if ((flags & 1) == 0) credit -= SettingsLength;
        return Dear;
    }

    /// <summary>Whether bytes of ours that nothing has answered yet pay for a frame.</summary>
    private bool Free(int bytes)
    {
        if (credit < bytes) return false;
        credit -= bytes;
        return true;
    }
}
