using System.Net.Sockets;
using System.Text;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>How a stream has ended, seen from the client.</summary>
/// <param name="Status">Of the answer; 0 when none came.</param>
/// <param name="Body">DATA so far.</param>
/// <param name="Reset">Error code of RST_STREAM.</param>
/// <param name="GoAway">Error code of GOAWAY.</param>
/// <param name="ConnectionEnded">The proxy has closed.</param>
internal sealed record StreamEnd(int Status, string Body, uint? Reset, uint? GoAway, bool ConnectionEnded)
{
    public bool IsRefused => Reset is not null || GoAway is > 0 || ConnectionEnded || Status is >= 400 and < 600;
}

/// <summary>What the frame cases have in common: header blocks byte by byte, and reading a stream to its end.</summary>
internal static class Http2Client
{
    public const FrameType Priority = (FrameType)2;
    public const FrameType Continuation = (FrameType)9;
    public const byte EndStream = 1;
    public const byte EndHeaders = 4;

    /// <summary>Fields as literals that are not indexed, names and values byte for byte (RFC 7541 section 6.2.2).</summary>
    public static byte[] Block(params (string Name, string Value)[] fields)
    {
        var block = new List<byte>();
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Text(block, name);
            Text(block, value);
        }

        return [.. block];
    }

    /// <summary>Pseudo-fields of a plain request, then others.</summary>
    public static (string, string)[] Request(string method, string path, params (string, string)[] more) =>
        [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.test"), .. more];

    public static async Task<StreamEnd> End(RawHttp2 connection, int stream)
    {
        var body = new StringBuilder();
        var status = 0;
        uint? goAway = null;
        try
        {
            while (await connection.Next() is { } frame)
            {
                if (frame.Type == FrameType.GoAway) goAway = frame.Error;
                if (frame.Stream != stream) continue;
                if (frame.Type == FrameType.ResetStream) return new(status, body.ToString(), frame.Error, goAway, false);
                if (frame.Type == FrameType.Data) body.Append(Encoding.Latin1.GetString(frame.Payload));
                if (frame.Type == FrameType.Headers && status is 0 or (>= 100 and < 200)) status = Status(frame.Payload);
                if (frame.EndsStream) return new(status, body.ToString(), null, goAway, false);
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // Ended hard.
        }

        return new(status, body.ToString(), null, goAway, ConnectionEnded: true);
    }

    /// <summary>`:status` comes first; Kestrel writes it from the static table or as a literal (RFC 7541 appendix A, entries 8 to 14).</summary>
    public static int Status(byte[] block)
    {
        var at = 0;
        while ((block[at] & 0xE0) == 0x20)
        {
            // A change of the table's size, as long as an integer with a prefix of five bits.
            if ((block[at++] & 0x1F) != 0x1F) continue;
            while ((block[at++] & 0x80) != 0)
            {
            }
        }

        int[] known = [200, 204, 206, 304, 400, 404, 500];
        if (block[at] is >= 0x88 and <= 0x8E) return known[block[at] - 0x88];
        return int.Parse(Encoding.ASCII.GetString(block, at + 2, 3));
    }

    private static void Text(List<byte> block, string text)
    {
        Integer(block, text.Length);
        block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    /// <summary>A length with a prefix of seven bits (RFC 7541 section 5.1).</summary>
    private static void Integer(List<byte> block, int value)
    {
        if (value < 127)
        {
            block.Add((byte)value);
            return;
        }

        block.Add(127);
        for (value -= 127; value >= 128; value >>= 7) block.Add((byte)(value & 127 | 128));
        block.Add((byte)value);
    }
}
