using System.Buffers.Binary;
using System.Text;

namespace DrainProxy.Proxy.Listening.Http2;

/// <summary>
/// A HEADERS frame without memory: every field a literal that is not indexed (RFC 7541 section 6.2.2), so that Kestrel's encoder and the
/// client's decoder agree about the dynamic table whether the frame goes out or not.
/// </summary>
internal static class HeadersFrame
{
    private const byte Type = 1;
    private const byte EndHeaders = 4;
    private const int StatusIndex = 8;

    public static byte[] Make(int stream, string status, IEnumerable<(string Name, string Value)> fields)
    {
        var block = new List<byte>();
        Integer(block, StatusIndex, prefix: 4);
        Text(block, status);
        foreach (var (name, value) in fields)
        {
            block.Add(0);
            Text(block, name.ToLowerInvariant());
            Text(block, value);
        }

        var frame = new byte[9 + block.Count];
        BinaryPrimitives.WriteUInt32BigEndian(frame, (uint)block.Count << 8);
        frame[3] = Type;
        frame[4] = EndHeaders;
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(5), (uint)stream);
        block.CopyTo(frame, 9);
        return frame;
    }

    private static void Text(List<byte> block, string text)
    {
        Integer(block, text.Length, prefix: 7);
        block.AddRange(Encoding.Latin1.GetBytes(text));
    }

    /// <summary>RFC 7541 section 5.1, the bits above the prefix being zero.</summary>
    private static void Integer(List<byte> block, int value, int prefix)
    {
        var max = (1 << prefix) - 1;
        if (value < max)
        {
            block.Add((byte)value);
            return;
        }

        block.Add((byte)max);
        for (value -= max; value >= 128; value >>= 7) block.Add((byte)(value & 127 | 128));
        block.Add((byte)value);
    }
}
