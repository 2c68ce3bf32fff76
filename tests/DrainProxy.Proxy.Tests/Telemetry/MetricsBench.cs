using System.Buffers;
using System.Text;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>One proxy's metrics with everything a test wants to turn by hand.</summary>
internal sealed class MetricsBench : IDisposable
{
    public MetricsBench(string version = "1.2.3")
    {
        Metrics = new ProxyMetrics(Counters, new MetricsSources
        {
            Phase = () => Phase,
            AppUp = () => AppUp,
            Downstream = () => Downstream,
            Upstream = () => Upstream,
            AcceptQueueDepth = () => AcceptQueueDepth,
            Pressure = () => Pressure,
            DrainElapsed = () => DrainElapsed,
            Admission = () => AdmissionReading.None with { TimeToOom = TimeToOom },
            TakeHeadroomLow = () => Lows.TakeHeadroom(Pressure.Sample),
            TakeTimeToOomLow = () => Lows.TakeTimeToOom(TimeToOom ?? TimeSpan.MaxValue),
        }, version, Time);
        Exporter = new PrometheusExporter(Metrics);
    }

    public ManualTime Time { get; } = new();

    public ProxyCounters Counters { get; } = new();

    public ProxyMetrics Metrics { get; }

    public PrometheusExporter Exporter { get; }

    public Phase Phase { get; set; }

    public bool AppUp { get; set; }

    public (long Active, long Idle) Downstream { get; set; }

    public (long Active, long Idle) Upstream { get; set; }

    public int AcceptQueueDepth { get; set; }

    public static PressureSnapshot SomePressure { get; } =
        new(new(TimeSpan.FromSeconds(1), MemoryMethod.Cgroup, 15, 100, 16, 0, 0, 511, int.MaxValue), new(1, 2, 4, 8, 16), "/sys/fs/cgroup/shop")
        {
            Sockets = SocketSnapshot.Unknown with { Counts = new(), AppDescriptors = (10, 1024), TimeWaitToApp = 7, PortRange = 28232 },
            Charge = new(40, 60, new(TimeSpan.Zero, TimeSpan.Zero)),
        };

    public PressureSnapshot Pressure { get; set; } = SomePressure;

    public TimeSpan? DrainElapsed { get; set; }

    public TimeSpan? TimeToOom { get; set; }

    public PressureLows Lows { get; } = new();

    public string Text(bool openMetrics = false, string? scraper = null, PrometheusExporter? exporter = null)
    {
        var output = new ArrayBufferWriter<byte>();
        (exporter ?? Exporter).Write(output, openMetrics, scraper);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    public Exposition Scrape(string? scraper = null, PrometheusExporter? exporter = null) => Exposition.Parse(Text(false, scraper, exporter));

    public void Dispose()
    {
        Exporter.Dispose();
        Metrics.Dispose();
    }
}

/// <summary>A clock that moves when told. Its odd frequency shows where ticks were taken for timestamps.</summary>
internal sealed class ManualTime : TimeProvider
{
    private long now = 4711;

    public override long TimestampFrequency => 1_000_003;

    public override long GetTimestamp() => Volatile.Read(ref now);

    public void Advance(double seconds) => Interlocked.Add(ref now, (long)(seconds * TimestampFrequency));
}
