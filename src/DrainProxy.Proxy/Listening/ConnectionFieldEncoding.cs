using System.Text;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Decodes the `Connection` field so that the names in it survive Kestrel, which replaces the whole field by "close", "keep-alive" or
/// "upgrade" when it has understood exactly one of these words. A line that nominates other fields is read as if it also said both
/// "close" and "keep-alive": Kestrel then keeps it, and ends the connection after the answer, which is always allowed. All else is Latin-1.
/// </summary>
internal sealed class ConnectionFieldEncoding : Encoding
{
    private const string Both = ", close, keep-alive";

    public static readonly ConnectionFieldEncoding Instance = new();

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) =>
        count + (NominatesOthers(bytes.AsSpan(index, count)) ? Both.Length : 0);

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var written = Latin1.GetChars(bytes, byteIndex, byteCount, chars, charIndex);
        if (!NominatesOthers(bytes.AsSpan(byteIndex, byteCount))) return written;
        Both.CopyTo(0, chars, charIndex + written, Both.Length);
        return written + Both.Length;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount + Both.Length;

    private static bool NominatesOthers(ReadOnlySpan<byte> value)
    {
        // The two words that nearly every line is.
        if (value.Length is 5 or 10 && (Ascii.EqualsIgnoreCase(value, "keep-alive"u8) || Ascii.EqualsIgnoreCase(value, "close"u8))) return false;
        foreach (var range in value.Split((byte)','))
        {
            var word = value[range].Trim(" \t"u8);
            if (word.IsEmpty || Ascii.EqualsIgnoreCase(word, "keep-alive"u8) || Ascii.EqualsIgnoreCase(word, "close"u8)
                || Ascii.EqualsIgnoreCase(word, "upgrade"u8) || Ascii.EqualsIgnoreCase(word, "te"u8)
                || Ascii.EqualsIgnoreCase(word, "http2-settings"u8)) continue;
            return true;
        }

        return false;
    }
}
