using System.Diagnostics.Metrics;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>The webhook's instruments, on the Meter API as those of the proxy; which exporter reads them is the composition's affair.</summary>
internal sealed class WebhookMetrics : IDisposable
{
    public const string MeterName = "DrainProxy.Webhook";

    /// <summary>From an answer at once to the longest the API server waits.</summary>
    private static readonly double[] Buckets = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    private readonly long[] reviews = new long[Enum.GetValues<ReviewOutcome>().Length];
    private readonly KeyValuePair<string, object?>[] outcomes =
        Array.ConvertAll(Enum.GetValues<ReviewOutcome>(), o => KeyValuePair.Create("outcome", (object?)NameOf(o)));

    private readonly Histogram<double> duration;
    private long inFlight;

    /// <param name="expiry">When the certificate that is served ends; null while there is none.</param>
    /// <param name="ready">What `/readyz` says.</param>
    /// <param name="leads">Whether this replica looks after the certificate.</param>
    public WebhookMetrics(string version, Func<DateTimeOffset?> expiry, Func<bool> ready, Func<bool> leads)
    {
        Meter = new Meter(MeterName, version);
        Meter.CreateObservableCounter("drainproxy.webhook_reviews", Reviews, "{review}", "Calls of the webhook, by how they ended.");
        Meter.CreateObservableGauge("drainproxy.webhook_in_flight_reviews", () => Volatile.Read(ref inFlight), "{review}", "Calls being answered now.");
        Meter.CreateObservableGauge("drainproxy.webhook_ready", () => ready() ? 1 : 0, null, "1 while /readyz says so: the certificate is valid and the API server trusts it.");
        Meter.CreateObservableGauge("drainproxy.webhook_leader", () => leads() ? 1 : 0, null, "1 on the replica that looks after the certificate (mode self).");
        Meter.CreateObservableGauge("drainproxy.webhook_certificate_expiry", () => expiry() is { } end ? new[] { new Measurement<long>(end.ToUnixTimeSeconds()) } : [], "s",
            "When the certificate that is served ends, in seconds since 1970 UTC.");
        duration = Meter.CreateHistogram("drainproxy.webhook_review_duration", "s", "From the call's head read to its answer written.",
            tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = Buckets });
    }

    public Meter Meter { get; }

    public long InFlight => Volatile.Read(ref inFlight);

    public long Count(ReviewOutcome outcome) => Volatile.Read(ref reviews[(int)outcome]);

    public void Begin() => Interlocked.Increment(ref inFlight);

    public void End(ReviewOutcome outcome, TimeSpan took)
    {
        Interlocked.Decrement(ref inFlight);
        Interlocked.Increment(ref reviews[(int)outcome]);
        duration.Record(took.TotalSeconds);
    }

    public void Dispose() => Meter.Dispose();

    private static string NameOf(ReviewOutcome outcome) => outcome switch
    {
        ReviewOutcome.NotAPod => "not_a_pod",
        ReviewOutcome.TooLarge => "too_large",
        _ => outcome.ToString().ToLowerInvariant(),
    };

    private IEnumerable<Measurement<long>> Reviews() => outcomes.Select((label, i) => new Measurement<long>(Volatile.Read(ref reviews[i]), label));
}
