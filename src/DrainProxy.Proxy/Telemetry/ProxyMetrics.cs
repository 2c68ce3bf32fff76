using System.Diagnostics.Metrics;
using System.Runtime.InteropServices;
using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Supervision;

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

    private static readonly KeyValuePair<string, object?>[] PhaseLabels = Array.ConvertAll(Enum.GetValues<Phase>(), phase => Label("phase", LabelNames.Of(phase)));
    private static readonly KeyValuePair<string, object?> DownstreamSide = Label("side", LabelNames.Of(Side.Downstream));
    private static readonly KeyValuePair<string, object?> UpstreamSide = Label("side", LabelNames.Of(Side.Upstream));
    private static readonly KeyValuePair<string, object?> ActiveState = Label("state", "active");
    private static readonly KeyValuePair<string, object?> IdleState = Label("state", "idle");
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
        Counter("app_restarts", "{restart}", "Times the app answered again after it had been gone, or was replaced by the supervisor.",
            new Series().Add(() => counters.AppRestarts));
        Counter("app_recycles", "{recycling}", "Recyclings of a leaking app that were begun, by what made it now and how they ended.",
            Series.Of<RecycleReason, Recycled>("reason", "result", counters.AppRecycles));
        duration = Meter.CreateHistogram<double>("drainproxy.request_duration", "s", "From the request's head read to its answer's last byte written.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = DurationBuckets });
        AddRequests();
        AddLosses();
        AddConnections();
        AddTermination();
        PressureInstruments.Add(Meter, sources, Scrapes);
        AdmissionInstruments.Add(Meter, counters, sources, Scrapes);
        var process = new ProcessReader(time);
        SocketInstruments.Add(Meter, sources, process, Scrapes);
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
        Counter("lost_requests", "{request}", "Requests that reached the proxy and got no answer of the app, by why.", Series.Of<LossReason>("reason", counters.Lost));
        Counter("responses_lost", "{response}", "Complete answers that the client's side did not take.",
            new Series().Add(() => counters.ResponsesLost));
    }

    private void AddConnections()
    {
        Gauge("connections", "{connection}", "Open connections: active with a request on them, idle without.", Connections);
        var (down, up) = (new RecentPeak(() => counters.TakeConnectionsPeak(Side.Downstream), Scrapes), new RecentPeak(() => counters.TakeConnectionsPeak(Side.Upstream), Scrapes));
        Gauge("connections_peak", "{connection}", "Most connections open at once since the last scrape.",
            new Series().Add(down.Read, ("side", LabelNames.Of(Side.Downstream))).Add(up.Read, ("side", LabelNames.Of(Side.Upstream))).Observe);
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

    /// <summary>The phase is read once: each scrape shows exactly one.</summary>
    private IEnumerable<Measurement<long>> Phases()
    {
        var now = (int)sources.Phase();
        return PhaseLabels.Select((label, phase) => new Measurement<long>(phase == now ? 1 : 0, label));
    }

    private IEnumerable<Measurement<long>> Connections()
    {
        var (down, up) = (sources.Downstream(), sources.Upstream());
        return [new(down.Active, DownstreamSide, ActiveState), new(down.Idle, DownstreamSide, IdleState),
            new(up.Active, UpstreamSide, ActiveState), new(up.Idle, UpstreamSide, IdleState)];
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

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
