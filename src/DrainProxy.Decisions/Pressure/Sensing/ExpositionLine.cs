using System.Buffers.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>One sample in the text formats of Prometheus (0.0.4) and OpenMetrics: `name{label="value"} number [time]`.</summary>
public readonly ref struct ExpositionLine
{
    private readonly ReadOnlySpan<byte> labels;

    private ExpositionLine(ReadOnlySpan<byte> name, ReadOnlySpan<byte> labels, double value)
    {
        Name = name;
        this.labels = labels;
        Value = value;
    }

    /// <summary>Gets the metric's name.</summary>
    public ReadOnlySpan<byte> Name { get; }

    /// <summary>Gets its value: a finite number.</summary>
    public double Value { get; }

    /// <summary>Reads a line; false for comments, for what is cut off or malformed, and for NaN and infinities.</summary>
    public static bool TryParse(ReadOnlySpan<byte> line, out ExpositionLine sample)
    {
        sample = default;
        line = line.Trim(" \t\r"u8);
        if (line.IsEmpty || line[0] == (byte)'#') return false;
        var nameEnd = line.IndexOfAny((byte)'{', (byte)' ', (byte)'\t');
        if (nameEnd <= 0) return false;
        var name = line[..nameEnd];
        var rest = line[nameEnd..];
        ReadOnlySpan<byte> labels = default;
        if (rest[0] == (byte)'{')
        {
            var close = ClosingBrace(rest);
            if (close < 0) return false;
            labels = rest[1..close];
            rest = rest[(close + 1)..];
        }

        rest = rest.TrimStart(" \t"u8);
        var valueEnd = rest.IndexOfAny((byte)' ', (byte)'\t');
        if (valueEnd >= 0) rest = rest[..valueEnd];
        if (!Utf8Parser.TryParse(rest, out double value, out var length) || length != rest.Length || !double.IsFinite(value)) return false;
        sample = new(name, labels, value);
        return true;
    }

    /// <summary>Whether it carries this label with this value; values with escapes are none that anybody asks for.</summary>
    public bool Has(ReadOnlySpan<byte> label, ReadOnlySpan<byte> value)
    {
        var rest = labels;
        while (!rest.IsEmpty)
        {
            rest = rest.TrimStart(" ,\t"u8);
            var equals = rest.IndexOf((byte)'=');
            if (equals < 0) return false;
            var key = rest[..equals].TrimEnd((byte)' ');
            rest = rest[(equals + 1)..].TrimStart((byte)' ');
            if (rest.IsEmpty || rest[0] != (byte)'"') return false;
            var end = ClosingQuote(rest);
            if (end < 0) return false;
            if (key.SequenceEqual(label)) return rest[1..end].SequenceEqual(value);
            rest = rest[(end + 1)..];
        }

        return false;
    }

    private static int ClosingBrace(ReadOnlySpan<byte> text)
    {
        for (var at = 1; at < text.Length; at++)
        {
            if (text[at] == (byte)'}') return at;
            if (text[at] != (byte)'"') continue;
            var end = ClosingQuote(text[at..]);
            if (end < 0) return -1;
            at += end;
        }

        return -1;
    }

    private static int ClosingQuote(ReadOnlySpan<byte> text)
    {
        for (var at = 1; at < text.Length; at++)
        {
            if (text[at] == (byte)'\\') at++;
            else if (text[at] == (byte)'"') return at;
        }

        return -1;
    }
}
