namespace DrainProxy.Proxy.Settings.Values;

/// <summary>
/// The unsigned decimal number at the head of a duration or size. Written by hand, since the framework's parsers also take signs, blanks,
/// exponents, `Infinity` and `NaN`, none of which is a setting.
/// </summary>
internal static class Numeral
{
    // Enough for every bound there is, and small enough that number times unit stays inside decimal.
    private const int MostDigits = 18;

    public static bool TryTake(ref ReadOnlySpan<char> rest, out decimal number) => TryTake(ref rest, out number, out _);

    public static bool TryTake(ref ReadOnlySpan<char> rest, out decimal number, out bool fraction)
    {
        number = 0;
        var whole = Digits(rest);
        var decimals = 0;
        if (whole > 0 && whole < rest.Length && rest[whole] == '.')
            decimals = Digits(rest[(whole + 1)..]);
        fraction = decimals > 0;
        if (whole == 0 || whole + decimals > MostDigits)
            return false;

        long digits = 0;
        decimal scale = 1;
        var length = fraction ? whole + 1 + decimals : whole;
        for (var i = 0; i < length; i++)
        {
            if (i == whole)
                continue;
            digits = (digits * 10) + (rest[i] - '0');
            if (i > whole)
                scale *= 10;
        }

        number = digits / scale;
        rest = rest[length..];
        return true;
    }

    private static int Digits(ReadOnlySpan<char> text)
    {
        var i = 0;
        while (i < text.Length && char.IsAsciiDigit(text[i]))
            i++;
        return i;
    }
}
