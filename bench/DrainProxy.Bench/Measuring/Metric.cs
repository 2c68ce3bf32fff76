namespace DrainProxy.Bench.Measuring;

/// <summary>A figure of the report. The key is what JSON rows carry; it never changes its meaning.</summary>
internal sealed record Metric(string Key, MetricGroup Group, string Title, string Unit, bool MoreIsBetter = false)
{
    public static readonly Metric Cpu = new("cpu_us", MetricGroup.Cpu, "CPU per request at full load", "µs");
    public static readonly Metric Compiler = new("cpu_compiler_us", MetricGroup.Cpu, "of which .NET's background compiler, near 0 once warm", "µs");
    public static readonly Metric CpuAtRate = new("cpu_at_rate_us", MetricGroup.Cpu, "CPU per request at the fixed rate", "µs");
    public static readonly Metric Throughput = new("throughput_rps", MetricGroup.Throughput, "Throughput at full load", "requests/s", MoreIsBetter: true);
    public static readonly Metric P50 = new("p50_us", MetricGroup.Latency, "Latency p50 at the fixed rate", "µs");
    public static readonly Metric P99 = new("p99_us", MetricGroup.Latency, "Latency p99 at the fixed rate", "µs");
    public static readonly Metric LateP99 = new("generator_late_p99_us", MetricGroup.Latency, "of which the generator's own lateness, p99", "µs");
    public static readonly Metric PssRest = new("pss_rest_mb", MetricGroup.Memory, "PSS at rest, 3 s after ready, before any load", "MB");
    public static readonly Metric AloneRest = new("pss_alone_rest_mb", MetricGroup.Memory, "PSS at rest as if alone on the machine", "MB");
    public static readonly Metric PssLoad = new("pss_load_mb", MetricGroup.Memory, "PSS under full load, highest", "MB");
    public static readonly Metric AloneLoad = new("pss_alone_load_mb", MetricGroup.Memory, "PSS under full load as if alone, highest", "MB");
    public static readonly Metric IdleConnection = new("idle_connection_kb", MetricGroup.Idle, "Memory per idle connection", "KB");
    public static readonly Metric Start = new("start_ms", MetricGroup.Start, "Start to ready", "ms");

    public static readonly IReadOnlyList<Metric> All =
        [Cpu, Compiler, CpuAtRate, Throughput, P50, P99, LateP99, PssRest, AloneRest, PssLoad, AloneLoad, IdleConnection, Start];
}
