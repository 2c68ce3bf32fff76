using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Diagnostics.Metrics;
using DrainProxy.Proxy.Telemetry.Prometheus;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>
/// Prometheus text 0.0.4 and OpenMetrics 1.0 out of the instruments of one meter. It listens to that one alone (two proxies in
/// one process do not mix) and touches the hot path with one callback per recorded duration. Scrapes wait for each other, requests never.
/// </summary>
public sealed class PrometheusExporter : IDisposable
{
    public const string TextContentType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    private readonly Meter meter;
    private readonly ScrapeMemory scrapes;
    private readonly MeterListener listener;
    private readonly List<MetricFamily> families = [];

    public PrometheusExporter(ProxyMetrics metrics)
        : this(metrics.Meter, metrics.Scrapes)
    {
    }

    internal PrometheusExporter(Meter meter, ScrapeMemory scrapes)
    {
        (this.meter, this.scrapes) = (meter, scrapes);
        listener = new MeterListener { InstrumentPublished = Publish };
        listener.SetMeasurementEventCallback<double>(static (_, value, labels, state) => ((MetricFamily)state!).Measured(value, labels));
        listener.SetMeasurementEventCallback<long>(static (_, value, labels, state) => ((MetricFamily)state!).Measured(value, labels));
        listener.SetMeasurementEventCallback<int>(static (_, value, labels, state) => ((MetricFamily)state!).Measured((long)value, labels));
        listener.Start();
    }

    /// <summary>The content type for an Accept header: OpenMetrics where it is asked for by name and not less than text, else text.</summary>
    [SuppressMessage("Performance", "CA1822", Justification = "Which formats there are is this exporter's affair; callers ask the one they have.")]
    public string Negotiate(string? accept) => AcceptHeader.PrefersOpenMetrics(accept) ? OpenMetricsContentType : TextContentType;

    /// <summary>
    /// Writes all families. <paramref name="scraper"/> is what one scraper has in common over its scrapes (the connection's id): with it peaks
    /// are those since that scraper's last visit, without it those of a window a bit longer than a minute.
    /// </summary>
    public void Write(IBufferWriter<byte> output, bool openMetrics, string? scraper = null)
    {
        lock (scrapes.Turn)
        {
            foreach (var family in families) family.Clear();
            scrapes.Begin(scraper);
            try
            {
                listener.RecordObservableInstruments();
            }
            finally
            {
                scrapes.End();
            }

            var text = new ExpositionWriter(output, openMetrics);
            foreach (var family in families) family.WriteTo(text);
            text.End();
        }
    }

    public void Dispose() => listener.Dispose();

    private void Publish(Instrument instrument, MeterListener listening)
    {
        if (!ReferenceEquals(instrument.Meter, meter)) return;
        MetricFamily family = instrument is Histogram<double> histogram ? new HistogramFamily(histogram) : new SampleFamily(instrument);
        lock (scrapes.Turn) families.Add(family);
        listening.EnableMeasurementEvents(instrument, family);
    }
}
