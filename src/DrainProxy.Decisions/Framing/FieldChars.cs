using System.Buffers;

namespace DrainProxy.Decisions.Framing;

/// <summary>The alphabets of RFC 9110 section 5, for fields that are characters already.</summary>
public static class FieldChars
{
    /// <summary>tchar of RFC 9110 section 5.6.2: what a field name is made of.</summary>
    public static readonly SearchValues<char> Token =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>What must not stand in a field value: every control character but HTAB.</summary>
    public static readonly SearchValues<char> NotInValue =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Where(i => i != 9).Append(0x7f).Select(i => (char)i)]);

    /// <summary>Whether the text is a field's name: one tchar or more.</summary>
    public static bool IsName(ReadOnlySpan<char> text) => !text.IsEmpty && !text.ContainsAnyExcept(Token);
}
