using System.Globalization;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>
/// Text of a time span: `500ms`, `5s`, `2m`, `1h`, `1m30s`, `1.5s`, or a plain `0`. A bare number is refused: whether 30 means seconds or
/// milliseconds is a guess that costs a night. Whole milliseconds only, so that no tiny value rounds to the 0 that means "no limit".
/// </summary>
public static class Duration
{
    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^(0|(?=.)([0-9]+(\.[0-9]+)?h)?([0-9]+(\.[0-9]+)?m)?([0-9]+(\.[0-9]+)?s)?([0-9]+ms)?)$";

    private static readonly (string Suffix, long Ticks)[] Units =
    [
        ("h", TimeSpan.TicksPerHour),
        ("ms", TimeSpan.TicksPerMillisecond),
        ("m", TimeSpan.TicksPerMinute),
        ("s", TimeSpan.TicksPerSecond),
    ];

    public static bool TryParse(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (text == "0")
            return true;

        decimal ticks = 0;
        var lastUnit = long.MaxValue;
        var rest = text.AsSpan();
        if (rest.IsEmpty)
            return false;

        while (!rest.IsEmpty)
        {
            if (!Numeral.TryTake(ref rest, out var number) || !TryTakeUnit(ref rest, out var unit) || unit >= lastUnit)
                return false;
            lastUnit = unit;
            ticks += number * unit;
        }

        if (ticks > TimeSpan.MaxValue.Ticks || ticks % TimeSpan.TicksPerMillisecond != 0)
            return false;
        value = TimeSpan.FromTicks((long)ticks);
        return true;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads back as the same value.</summary>
    public static string Format(TimeSpan value)
    {
        if (value == TimeSpan.Zero)
            return "0";
        foreach (var (suffix, ticks) in Units)
        {
            // "ms" stands before "m" for the parser; here it is the last resort.
            if (suffix != "ms" && value.Ticks % ticks == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / ticks}{suffix}");
        }

        return string.Create(CultureInfo.InvariantCulture, $"{value.Ticks / TimeSpan.TicksPerMillisecond}ms");
    }

    private static bool TryTakeUnit(ref ReadOnlySpan<char> rest, out long unit)
    {
        foreach (var (suffix, ticks) in Units)
        {
            if (!rest.StartsWith(suffix, StringComparison.Ordinal))
                continue;
            unit = ticks;
            rest = rest[suffix.Length..];
            return true;
        }

        unit = 0;
        return false;
    }
}
