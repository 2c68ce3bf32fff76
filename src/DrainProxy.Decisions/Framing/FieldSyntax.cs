using System.Buffers;
using System.Globalization;
using System.Text;

namespace DrainProxy.Decisions.Framing;

/// <summary>The alphabets of RFC 9110 section 5 and RFC 9112 section 3, for vectorized searches.</summary>
internal static class FieldSyntax
{
    /// <summary>tchar of RFC 9110 section 5.6.2.</summary>
    public static readonly SearchValues<byte> Token = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>What ends a field value or must not stand in one: every control character but HTAB (RFC 9110 section 5.5).</summary>
    public static readonly SearchValues<byte> NotInValue = SearchValues.Create(Controls());

    /// <summary>Visible ASCII: what a request target may be made of on the wire (its grammar is the app's matter).</summary>
    public static readonly SearchValues<byte> Visible = SearchValues.Create([.. Enumerable.Range(0x21, 0x5e).Select(i => (byte)i)]);

    /// <summary>
    /// reg-name, IPv4 address and port of a Host value (RFC 3986 section 3.2.2): unreserved, the colon, and those sub-delims that Kestrel takes
    /// (no "*", "+", ",", ";", "=" and no escapes): what it would refuse is refused here, with an answer of our form.
    /// </summary>
    private static readonly SearchValues<byte> HostChars = SearchValues.Create(
        "-._~!$&'():0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> Ipv6Chars = SearchValues.Create(":.0123456789ABCDEFabcdef"u8);

    /// <summary>Whether a value is `uri-host [ ":" port ]`; an empty one is allowed (RFC 9112 section 3.2).</summary>
    public static bool IsHost(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return true;
        if (value[0] == '[')
        {
            var end = value.IndexOf((byte)']');
            // Kestrel takes nothing shorter than [::1].
            if (end < 4 || value[1..end].IndexOfAnyExcept(Ipv6Chars) >= 0) return false;
            return end == value.Length - 1 || (value[end + 1] == ':' && IsPort(value[(end + 2)..]));
        }

        if (value.IndexOfAnyExcept(HostChars) >= 0) return false;
        var colon = value.IndexOf((byte)':');
        return colon < 0 || (colon > 0 && IsPort(value[(colon + 1)..]));
    }

    public static ReadOnlySpan<byte> TrimBlanks(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || (value[0] is not ((byte)' ' or (byte)'\t') && value[^1] is not ((byte)' ' or (byte)'\t'))) return value;
        return value.Trim(" \t"u8);
    }

    public static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower) => Ascii.EqualsIgnoreCase(name, lower);

    private static bool IsPort(ReadOnlySpan<byte> port) =>
        port.Length is >= 1 and <= 5 && port.IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0 && int.Parse(port, CultureInfo.InvariantCulture) <= ushort.MaxValue;

    private static byte[] Controls() => [.. Enumerable.Range(0, 0x20).Where(i => i != '\t').Append(0x7f).Select(i => (byte)i)];
}
