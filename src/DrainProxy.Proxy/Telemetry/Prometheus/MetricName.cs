using System.Diagnostics.Metrics;

namespace DrainProxy.Proxy.Telemetry.Prometheus;

/// <summary>What an instrument is called and said to be. Dots turn to `_`, the unit is appended by its full name, a counter's samples end in `_total`.</summary>
internal sealed record MetricName(string Family, string Samples, string Type, string? Unit)
{
    public static MetricName Of(Instrument instrument)
    {
        var unit = instrument.Unit switch
        {
            "s" => "seconds",
            "By" => "bytes",
            null or ['{', ..] => null,
            _ => throw new NotSupportedException($"Instrument {instrument.Name}: unit {instrument.Unit} has no Prometheus name here."),
        };
        var name = LabelName(instrument.Name) + (unit is null ? "" : "_" + unit);
        return instrument switch
        {
            ObservableCounter<long> or ObservableCounter<double> => new(name, name + "_total", "counter", unit),
            ObservableGauge<long> or ObservableGauge<double> or ObservableGauge<int> => new(name, name, "gauge", unit),
            Histogram<double> => new(name, name, "histogram", unit),
            _ => throw new NotSupportedException($"Instrument {instrument.Name}: {instrument.GetType().Name} is not written by this exporter."),
        };
    }

    public static string LabelName(string name) => name.Replace('.', '_');

    /// <summary>The name that TYPE and HELP lines carry: the text format knows no families, its lines name the samples.</summary>
    public string Head(bool openMetrics) => openMetrics ? Family : Samples;
}
