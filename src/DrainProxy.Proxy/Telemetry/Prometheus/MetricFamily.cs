using System.Buffers;
using System.Diagnostics.Metrics;
using System.Text;

namespace DrainProxy.Proxy.Telemetry.Prometheus;

/// <summary>One instrument's lines: the head, prepared once for each format, and its samples.</summary>
internal abstract class MetricFamily(Instrument instrument)
{
    private readonly byte[] textHead = Head(instrument, openMetrics: false);
    private readonly byte[] openMetricsHead = Head(instrument, openMetrics: true);

    protected byte[] Name { get; } = Encoding.UTF8.GetBytes(MetricName.Of(instrument).Samples);

    public abstract void Measured(long value, ReadOnlySpan<KeyValuePair<string, object?>> labels);

    public abstract void Measured(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels);

    /// <summary>Forgets what the last scrape saw.</summary>
    public abstract void Clear();

    public void WriteTo(ExpositionWriter text)
    {
        text.Raw(text.OpenMetrics ? openMetricsHead : textHead);
        WriteSamples(text);
    }

    protected abstract void WriteSamples(ExpositionWriter text);

    private static byte[] Head(Instrument instrument, bool openMetrics)
    {
        var name = MetricName.Of(instrument);
        var head = new ArrayBufferWriter<byte>();
        var help = instrument.Description ?? throw new NotSupportedException($"Instrument {instrument.Name} has no description.");
        Encoding.UTF8.GetBytes($"# HELP {name.Head(openMetrics)} ", head);
        ExpositionWriter.Escape(help, quotes: openMetrics, head);
        Encoding.UTF8.GetBytes($"\n# TYPE {name.Head(openMetrics)} {name.Type}\n", head);
        if (openMetrics && name.Unit is { } unit) Encoding.UTF8.GetBytes($"# UNIT {name.Family} {unit}\n", head);
        return head.WrittenSpan.ToArray();
    }
}

/// <summary>Counters and gauges: each scrape asks the instrument and keeps its answers until they are written. Buffers are used again.</summary>
internal sealed class SampleFamily(Instrument instrument) : MetricFamily(instrument)
{
    private readonly ArrayBufferWriter<byte> labelText = new();
    private readonly List<(long Whole, double Real, bool IsWhole, Range Labels)> samples = [];

    public override void Measured(long value, ReadOnlySpan<KeyValuePair<string, object?>> labels) => samples.Add((value, 0, true, Append(labels)));

    public override void Measured(double value, ReadOnlySpan<KeyValuePair<string, object?>> labels) => samples.Add((0, value, false, Append(labels)));

    public override void Clear()
    {
        samples.Clear();
        labelText.ResetWrittenCount();
    }

    protected override void WriteSamples(ExpositionWriter text)
    {
        foreach (var (whole, real, isWhole, labels) in samples)
        {
            text.Raw(Name);
            text.Raw(labelText.WrittenSpan[labels]);
            if (isWhole) text.Value(whole);
            else text.Value(real);
        }
    }

    private Range Append(ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        var start = labelText.WrittenCount;
        if (labels.IsEmpty) return start..start;
        var separator = "{"u8;
        foreach (var (name, value) in labels)
        {
            labelText.Write(separator);
            ExpositionWriter.Escape(MetricName.LabelName(name), quotes: false, labelText);
            labelText.Write("=\""u8);
            ExpositionWriter.Escape(value?.ToString(), quotes: true, labelText);
            labelText.Write("\""u8);
            separator = ","u8;
        }

        labelText.Write("}"u8);
        return start..labelText.WrittenCount;
    }
}
