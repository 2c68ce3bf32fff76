using System.Globalization;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of a size, as Kubernetes writes quantities: `512Mi`, `1Gi`, `1.5G`, or plain bytes. A fraction of a byte rounds up, as there.</summary>
public static class ByteSize
{
    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^([0-9]+|[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|K|M|G|T|P))$";

    private static readonly (string Suffix, long Bytes)[] Units =
    [
        ("Pi", 1L << 50), ("Ti", 1L << 40), ("Gi", 1L << 30), ("Mi", 1L << 20), ("Ki", 1L << 10),
        ("P", 1_000_000_000_000_000), ("T", 1_000_000_000_000), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000), ("K", 1000),
    ];

    public static bool TryParse(string text, out long value)
    {
        value = 0;
        var rest = text.AsSpan();
        if (!Numeral.TryTake(ref rest, out var number, out var fraction))
            return false;

        if (rest.IsEmpty)
            return !fraction && Whole(number, out value);
        foreach (var (suffix, bytes) in Units)
        {
            if (rest.SequenceEqual(suffix))
                return Whole(number * bytes, out value);
        }

        return false;
    }

    /// <summary>The shortest text in binary units that <see cref="TryParse"/> reads back as the same value.</summary>
    public static string Format(long value)
    {
        foreach (var (suffix, bytes) in Units)
        {
            if (suffix.Length == 2 && value != 0 && value % bytes == 0)
                return string.Create(CultureInfo.InvariantCulture, $"{value / bytes}{suffix}");
        }

        return value.ToString(CultureInfo.InvariantCulture);
    }

    private static bool Whole(decimal number, out long value)
    {
        value = 0;
        if (number > long.MaxValue)
            return false;
        value = (long)Math.Ceiling(number);
        return true;
    }
}
