using System.Buffers.Binary;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>Follows a byte stream and knows where a whole message ends, so that a stream is cut between two of them.</summary>
internal interface IMessageBoundary
{
    /// <summary>Whether everything seen so far is whole messages.</summary>
    bool AtBoundary { get; }

    /// <summary>Takes bytes as they pass. Returns how many of them lead up to the first boundary, or -1 when none is reached.</summary>
    int Advance(ReadOnlySpan<byte> bytes);
}

/// <summary>Server-sent events: an event ends with an empty line; lines end with CR, LF or both (HTML, section 9.2.5).</summary>
internal sealed class SseBoundary : IMessageBoundary
{
    private bool lineIsEmpty = true;
    private bool afterCr;

    public bool AtBoundary { get; private set; } = true;

    public int Advance(ReadOnlySpan<byte> bytes)
    {
        var first = -1;
        for (var i = 0; i < bytes.Length; i++)
        {
            var b = bytes[i];
            if (b == (byte)'\n' && afterCr)
            {
                // Second half of CR LF: belongs to the line that CR ended.
                afterCr = false;
                if (AtBoundary && first == i) first = i + 1;
                continue;
            }

            afterCr = b == (byte)'\r';
            if (b is (byte)'\n' or (byte)'\r')
            {
                AtBoundary = lineIsEmpty;
                lineIsEmpty = true;
                if (AtBoundary && first < 0) first = i + 1;
            }
            else
            {
                lineIsEmpty = false;
                AtBoundary = false;
            }
        }

        return first;
    }
}

/// <summary>gRPC: a flag byte and a 4-byte length in front of each message (gRPC over HTTP/2, "Length-Prefixed-Message").</summary>
internal sealed class GrpcBoundary : IMessageBoundary
{
    private readonly byte[] prefix = new byte[5];
    private int prefixSeen;
    private long left;

    public bool AtBoundary => prefixSeen == 0 && left == 0;

    public int Advance(ReadOnlySpan<byte> bytes)
    {
        var first = -1;
        var at = 0;
        while (at < bytes.Length)
        {
            if (left > 0)
            {
                var n = (int)Math.Min(left, bytes.Length - at);
                left -= n;
                at += n;
            }
            else
            {
                prefix[prefixSeen++] = bytes[at++];
                if (prefixSeen < prefix.Length) continue;
                prefixSeen = 0;
                left = BinaryPrimitives.ReadUInt32BigEndian(prefix.AsSpan(1));
            }

            if (AtBoundary && first < 0) first = at;
        }

        return first;
    }
}

/// <summary>WebSocket frames (RFC 6455 section 5.2); also tells when a Close frame has passed.</summary>
internal sealed class WebSocketBoundary : IMessageBoundary
{
    private const byte CloseOpcode = 8;
    private readonly byte[] header = new byte[14];
    private int headerSeen;
    private ulong left;
    private bool inPayload;

    public bool AtBoundary => headerSeen == 0 && !inPayload;

    /// <summary>A whole Close frame has passed.</summary>
    public bool CloseSeen { get; private set; }

    public int Advance(ReadOnlySpan<byte> bytes)
    {
        var first = -1;
        var at = 0;
        while (at < bytes.Length)
        {
            if (inPayload)
            {
                var n = (int)Math.Min(left, (ulong)(bytes.Length - at));
                left -= (ulong)n;
                at += n;
                if (left == 0) EndFrame();
            }
            else
            {
                header[headerSeen++] = bytes[at++];
                if (headerSeen < 2 || headerSeen < HeaderLength()) continue;
                left = PayloadLength();
                inPayload = left > 0;
                if (inPayload) headerSeen = 0;
                else EndFrame();
            }

            if (AtBoundary && first < 0) first = at;
        }

        return first;
    }

    private void EndFrame()
    {
        if ((header[0] & 0x0F) == CloseOpcode) CloseSeen = true;
        headerSeen = 0;
        inPayload = false;
    }

    private int HeaderLength() => 2 + ((header[1] & 0x80) != 0 ? 4 : 0) + ((header[1] & 0x7F) switch { 126 => 2, 127 => 8, _ => 0 });

    private ulong PayloadLength() => (header[1] & 0x7F) switch
    {
        126 => BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(2)),
        127 => BinaryPrimitives.ReadUInt64BigEndian(header.AsSpan(2)),
        var length => (ulong)length,
    };
}
