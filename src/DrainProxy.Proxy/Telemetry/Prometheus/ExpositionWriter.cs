using System.Buffers;
using System.Text;

namespace DrainProxy.Proxy.Telemetry.Prometheus;

/// <summary>The lines of both text formats, straight into the output's buffers.</summary>
internal readonly struct ExpositionWriter(IBufferWriter<byte> output, bool openMetrics)
{
    public bool OpenMetrics => openMetrics;

    /// <summary>With the room asked for: a response's writer may hand out an empty span when not asked for a size, which Write() takes ill.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    /// <summary>` VALUE` and the end of the line.</summary>
    public void Value(long value)
    {
        var span = output.GetSpan(32);
        span[0] = (byte)' ';
        value.TryFormat(span[1..], out var length);
        span[length + 1] = (byte)'\n';
        output.Advance(length + 2);
    }

    /// <inheritdoc cref="Value(long)"/>
    public void Value(double value)
    {
        var span = output.GetSpan(40);
        span[0] = (byte)' ';
        var length = Format(value, span[1..]);
        span[length + 1] = (byte)'\n';
        output.Advance(length + 2);
    }

    public void End()
    {
        if (openMetrics) Raw("# EOF\n"u8);
    }

    /// <summary>The shortest text that reads back as the same number; the formats spell infinities their own way.</summary>
    public static int Format(double value, Span<byte> to)
    {
        if (double.IsInfinity(value))
        {
            (value > 0 ? "+Inf"u8 : "-Inf"u8).CopyTo(to);
            return 4;
        }

        value.TryFormat(to, out var length, provider: System.Globalization.CultureInfo.InvariantCulture);
        return length;
    }

    /// <summary>Help texts escape the backslash and the line feed, label values (and OpenMetrics' help texts) the quote as well.</summary>
    public static void Escape(ReadOnlySpan<char> text, bool quotes, IBufferWriter<byte> to)
    {
        while (!text.IsEmpty)
        {
            var stop = quotes ? text.IndexOfAny('\\', '\n', '"') : text.IndexOfAny('\\', '\n');
            Encoding.UTF8.GetBytes(stop < 0 ? text : text[..stop], to);
            if (stop < 0) return;
            to.Write(text[stop] switch { '\n' => "\\n"u8, '"' => "\\\""u8, _ => "\\\\"u8 });
            text = text[(stop + 1)..];
        }
    }
}
