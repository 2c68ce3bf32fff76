using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using DrainProxy.Decisions.Draining;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>
/// The instruments, on the Meter API: an exporter reads them when it is asked. Only the request duration is recorded when it happens;
/// everything else is counted by ProxyCounters anyway and costs a request nothing more.
/// </summary>
public sealed class ProxyMetrics : IDisposable
{
    public const string MeterName = "DrainProxy";

    /// <summary>From a cache hit on loopback to the long export that a load balancer's default timeout of 60 s still lets through.</summary>
    internal static readonly double[] DurationBuckets =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private static readonly int Results = Enum.GetValues<DrainResult>().Length;

    private readonly ProxyCounters counters;
    private readonly MetricsSources sources;
    private readonly Histogram<double> duration;
    private readonly RuntimeInstruments runtime;
    private readonly long[] terminations = new long[Enum.GetValues<Trigger>().Length * Results];
    private long drainTicks;

    public ProxyMetrics(ProxyCounters counters, MetricsSources sources, string version, TimeProvider time)
    {
        this.counters = counters;
        this.sources = sources;
        Meter = new Meter(MeterName, version);
        Scrapes = new ScrapeMemory(time);
        Gauge("build_info", null, "Always 1; which build this is and what it runs on.",
            new Series().Add(() => 1, ("version", version), ("runtime", RuntimeInformation.FrameworkDescription)).Observe);
        Gauge("phase", null, "1 for the phase of the lifecycle the proxy is in, 0 for all others.", Phases);
        Gauge("app_up", null, "1 while the app accepts connections (or passes --app-health), else 0.", () => [new(sources.AppUp() ? 1 : 0)]);
        duration = Meter.CreateHistogram<double>("drainproxy.request_duration", "s", "From the request's head read to its answer's last byte written.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBuckets });
        AddRequests();
        AddLosses();
        AddConnections();
        AddTermination();
        var process = new ProcessReader(time);
        ProcessInstruments.Add(Meter, process);
        runtime = new RuntimeInstruments(Meter);
    }

    internal Meter Meter { get; }

    internal ScrapeMemory Scrapes { get; }

    /// <summary>Hot path: no lock, no allocation.</summary>
    public void RecordDuration(double seconds) => duration.Record(seconds);

    public void RecordTermination(Trigger trigger, DrainResult result, TimeSpan duration)
    {
        Interlocked.Exchange(ref drainTicks, duration.Ticks);
        Interlocked.Increment(ref terminations[((int)trigger * Results) + (int)result]);
    }

    public void Dispose()
    {
        runtime.Dispose();
        Meter.Dispose();
    }

    private void AddRequests()
    {
        var requests = new Series();
        for (var i = 0; i < 6 * ProxyCounters.Outcomes; i++)
        {
            var (codeClass, outcome) = (i / ProxyCounters.Outcomes, (Outcome)(i % ProxyCounters.Outcomes));
            requests.Add(() => counters.Requests(codeClass, outcome), ("code_class", LabelNames.OfCodeClass(codeClass)), ("outcome", LabelNames.Of(outcome)));
        }

        Counter("requests", "{request}", "Requests ended, by the class of the status sent (none: no status went out) and how it went.", requests);
        Gauge("in_flight_requests", "{request}", "Requests being served now.", () => [new(counters.InFlight)]);
        Peak("in_flight_requests_peak", "{request}", "Highest in_flight_requests since the last scrape.", counters.TakeInFlightPeak);
        Gauge("held_requests", "{request}", "Requests waiting for the app to accept connections.", () => [new(counters.Held)]);
        Peak("held_requests_peak", "{request}", "Highest held_requests since the last scrape.", counters.TakeHeldPeak);
    }

    private void AddLosses()
    {
        Counter("replayed", "{request}", "Requests sent to the app again.", Series.Of<ReplayReason>("reason", counters.Replayed));
        Counter("shed", "{request}", "Requests refused before the app saw them.", Series.Of<ShedReason>("reason", counters.Shed));
        Counter("upstream_errors", "{error}", "Exchanges with the app that failed.", Series.Of<UpstreamCause>("cause", counters.UpstreamErrors));
        Counter("lost_requests", "{request}", "Requests lost while terminating.", Series.Of<LossReason>("reason", counters.Lost));
        Counter("responses_lost", "{response}", "Answers of the app that could not be delivered whole to the client.",
            new Series().Add(() => counters.ResponsesLost));
    }

    private void AddConnections()
    {
        Gauge("connections", "{connection}", "Open connections: active with a request on them, idle without.", Connections);
        Counter("connections_closed", "{connection}", "Connections closed, by who closed first.",
            Series.Of<Side, ClosedBy>("side", "by", counters.ConnectionsClosed));
        Gauge("accept_queue_depth", "{connection}", "Connections the kernel accepted and the proxy has not taken yet.", () => [new(sources.AcceptQueueDepth())]);
    }

    private void AddTermination()
    {
        Counter("termination", "{termination}", "Terminations that ended, by what started them and how they ended.",
            Series.Of<Trigger, DrainResult>("trigger", "result", (trigger, result) => Volatile.Read(ref terminations[((int)trigger * Results) + (int)result])));
        Meter.CreateObservableGauge("drainproxy.drain_duration", () => (sources.DrainElapsed() ?? new TimeSpan(Volatile.Read(ref drainTicks))).TotalSeconds, "s",
            "Time from the start of the termination to now or to its end; 0 before.");
    }

    private IEnumerable<Measurement<long>> Phases()
    {
        // Read once: each scrape shows exactly one phase.
        var now = sources.Phase();
        return Series.Of<Phase>("phase", phase => phase == now ? 1 : 0).Observe();
    }

    private IEnumerable<Measurement<long>> Connections()
    {
        var (down, up) = (sources.Downstream(), sources.Upstream());
        return new Series()
            .Add(() => down.Active, ("side", "downstream"), ("state", "active"))
            .Add(() => down.Idle, ("side", "downstream"), ("state", "idle"))
            .Add(() => up.Active, ("side", "upstream"), ("state", "active"))
            .Add(() => up.Idle, ("side", "upstream"), ("state", "idle"))
            .Observe();
    }

    private void Counter(string name, string unit, string help, Series series)
        => Meter.CreateObservableCounter("drainproxy." + name, series.Observe, unit, help);

    private void Gauge(string name, string? unit, string help, Func<IEnumerable<Measurement<long>>> read)
        => Meter.CreateObservableGauge("drainproxy." + name, read, unit, help);

    private void Peak(string name, string unit, string help, Func<long> take)
    {
        var peak = new RecentPeak(take, Scrapes);
        Meter.CreateObservableGauge("drainproxy." + name, peak.Read, unit, help);
    }
}
