using System.Text;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Answers in HTTP/1.0. Their connection ends after them unless they say keep-alive (RFC 9112 section 9.3), but SocketsHttpHandler goes by
/// the `Connection` field alone: it would send the next request into a connection that the app is closing, and a POST is lost in it.
/// </summary>
internal static class OldAnswer
{
    private const int Status = 9;

    /// <summary>What is put behind the status line; the answer's other fields stay as they are.</summary>
    public static ReadOnlySpan<byte> Field => "Connection: close\r\n"u8;

    /// <summary>
    /// Says `close` in the final answer whose first <paramref name="count"/> bytes are in the buffer, when it is one of HTTP/1.0 without
    /// keep-alive. Returns how many bytes count then. Left as it is without room, or when the status line came in pieces: both are rare, and
    /// no worse than before.
    /// </summary>
    public static int SayClose(Span<byte> buffer, int count)
    {
        var bytes = buffer[..count];
        if (count <= Status || !bytes.StartsWith("HTTP/1.0 "u8) || count + Field.Length > buffer.Length) return count;
        var line = bytes.IndexOf((byte)'\n') + 1;
        if (line == 0 || SaysKeepAlive(bytes[line..])) return count;
        bytes[line..].CopyTo(buffer[(line + Field.Length)..]);
        Field.CopyTo(buffer[line..]);
        return count + Field.Length;
    }

    /// <summary>Within what came with the status line. A field that comes later does not stop the `close`: it costs a connection, no request.</summary>
    private static bool SaysKeepAlive(ReadOnlySpan<byte> fields)
    {
        while (true)
        {
            var end = fields.IndexOf((byte)'\n');
            if (end <= 1) return false;
            var line = fields[..end];
            var colon = line.IndexOf((byte)':');
            if (colon > 0 && Ascii.EqualsIgnoreCase(line[..colon], "connection"u8) && Names(line[(colon + 1)..], "keep-alive"u8)) return true;
            fields = fields[(end + 1)..];
        }
    }

    private static bool Names(ReadOnlySpan<byte> list, ReadOnlySpan<byte> word)
    {
        foreach (var part in list.Split((byte)','))
        {
            if (Ascii.EqualsIgnoreCase(list[part].Trim(" \t\r"u8), word)) return true;
        }

        return false;
    }
}
