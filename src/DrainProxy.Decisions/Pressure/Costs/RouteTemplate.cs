namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>Method and path as one line in which what looks like an identifier is `:id`, so that requests of one kind share one name.</summary>
public static class RouteTemplate
{
    /// <summary>Longest name, in characters; what is beyond becomes `*`.</summary>
    public const int MaxLength = 160;

    /// <summary>Segments kept; deeper ones become `*`.</summary>
    public const int MaxSegments = 8;

    private const int LongSegment = 40;
    private const int HexLength = 8;

    /// <summary>Writes the name of a request's route.</summary>
    /// <param name="method">The method as it came.</param>
    /// <param name="target">The request target; everything from `?` on is ignored.</param>
    /// <param name="to">At least <see cref="MaxLength"/> characters.</param>
    /// <returns>How many characters were written.</returns>
    public static int Write(ReadOnlySpan<char> method, ReadOnlySpan<char> target, Span<char> to)
    {
        if (target.IndexOfAny('?', '#') is >= 0 and var query) target = target[..query];
        if (method.Length > MaxLength / 4) method = method[..(MaxLength / 4)];
        method.CopyTo(to);
        var length = method.Length;
        to[length++] = ' ';
        for (var segments = 0; target.Length > 0; segments++)
        {
            // The slash that leads here; a target without one (`*`) is its own first segment.
            if (target[0] == '/') target = target[1..];
            var end = target.IndexOf('/');
            var segment = end < 0 ? target : target[..end];
            ReadOnlySpan<char> name = IsIdentifier(segment) ? ":id" : segment;
            if (segments == MaxSegments || length + name.Length + 3 > MaxLength)
            {
                to[length++] = '/';
                to[length++] = '*';
                return length;
            }

            to[length++] = '/';
            name.CopyTo(to[length..]);
            length += name.Length;
            target = end < 0 ? [] : target[end..];
        }

        return length;
    }

    /// <summary>Numbers, UUIDs, hashes and tokens: digits alone, eight or more hexadecimal digits with a digit among them, or very long.</summary>
    public static bool IsIdentifier(ReadOnlySpan<char> segment)
    {
        if (segment.IsEmpty) return false;
        if (segment.Length > LongSegment) return true;
        int digits = 0, hex = 0, dashes = 0;
        foreach (var c in segment)
        {
            if (char.IsAsciiDigit(c)) digits++;
            else if (char.IsAsciiHexDigit(c)) hex++;
            else if (c == '-') dashes++;
            else return Mostly(digits, segment.Length);
        }

        return digits > 0 && (hex == 0 || digits + hex >= HexLength);
    }

    /// <summary>`order-20240131-7`, `v18831223`: a number with some letters; but not `v2` or `oauth2`.</summary>
    private static bool Mostly(int digitsSoFar, int length) => digitsSoFar >= 6 && digitsSoFar * 2 > length;
}
