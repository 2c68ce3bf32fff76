using System.Text;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Decodes the `Content-Length` field so that Kestrel's own parser refuses what is not 1*DIGIT (RFC 9110 section 8.6): it takes a sign and
/// blanks, and keeps the number only, so that nobody behind it could tell. HTTP/1.x heads are read strictly before; HTTP/2's come here.
/// </summary>
internal sealed class ContentLengthEncoding : Encoding
{
    /// <summary>No character of a number.</summary>
    private const char NoDigit = 'x';

    public static readonly ContentLengthEncoding Instance = new();

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        // Kestrel's room is as long as the longest number.
        if (bytes.Length <= chars.Length && bytes.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0) return Latin1.GetChars(bytes, chars);
        chars[0] = NoDigit;
        return 1;
    }

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount;
}
