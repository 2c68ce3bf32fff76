using System.Diagnostics.Metrics;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Decisions.Pressure.Ladder;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>What admission decides by, read once per scrape.</summary>
/// <param name="Step">Where the ladder stands.</param>
/// <param name="TimeToOom">At the present growth; null where no memory is watched.</param>
/// <param name="Routes">The route classes seen.</param>
public sealed record AdmissionReading(LadderStep Step, TimeSpan? TimeToOom, IReadOnlyList<RouteClass> Routes)
{
    /// <summary>Nothing is watched.</summary>
    public static readonly AdmissionReading None = new(LadderStep.None, null, []);
}

/// <summary>The families of admission: queues, refusals, costs of routes, forecast, ladder.</summary>
internal static class AdmissionInstruments
{
    /// <summary>Routes shown: those that take most. Their number bounds the family's size, whatever clients ask for.</summary>
    public const int MaxRoutes = 20;

    private static readonly KeyValuePair<string, object?>[] Steps = Array.ConvertAll(Enum.GetValues<LadderStep>(), step => Label("step", LabelNames.Of(step)));

    public static void Add(Meter meter, ProxyCounters counters, MetricsSources sources, ScrapeMemory scrapes)
    {
        meter.CreateObservableGauge("drainproxy.queued_requests", Series.Of<Lane>("lane", counters.Queued).Observe, "{request}", "Requests that wait for room with the app.");
        var read = sources.Admission;
        var (light, heavy) = (new RecentPeak(() => counters.TakeQueuedPeak(Lane.Light), scrapes), new RecentPeak(() => counters.TakeQueuedPeak(Lane.Heavy), scrapes));
        meter.CreateObservableGauge("drainproxy.queued_requests_peak", new Series().Add(light.Read, ("lane", "light")).Add(heavy.Read, ("lane", "heavy")).Observe,
            "{request}", "Highest queued_requests since the last scrape.");
        meter.CreateObservableCounter("drainproxy.shadow_shed", Series.Of<ShedReason>("reason", counters.WouldBeShed).Observe, "{request}",
            "Requests that --shed shadow let pass and --shed on would have held back or refused.");
        meter.CreateObservableGauge("drainproxy.time_to_oom", () => read().TimeToOom is { } time ? [new(Seconds(time))] : Array.Empty<Measurement<double>>(), "s",
            "Time until the app's memory is full at its present growth; +Inf when that is not in sight.");
        var shortest = new RecentLow(sources.TakeTimeToOomLow, scrapes);
        meter.CreateObservableGauge("drainproxy.time_to_oom_low", () => Shortest(new(shortest.Read()), read().TimeToOom), "s", "Lowest time_to_oom since the last scrape.");
        meter.CreateObservableGauge("drainproxy.memory_pressure_step", () => ByStep((int)read().Step), null, "1 for the step of the ladder that holds, 0 for all others.");
        meter.CreateObservableGauge("drainproxy.route_memory", () => Routes(read().Routes), "By",
            "What one request of a route takes: peak expected, peak of late, held afterwards. The routes that take most.");
    }

    private static double Seconds(TimeSpan time) => time == TimeSpan.MaxValue ? double.PositiveInfinity : time.TotalSeconds;

    /// <summary>One of the past is told of an app that has gone, too.</summary>
    private static Measurement<double>[] Shortest(TimeSpan low, TimeSpan? now) => low == TimeSpan.MaxValue && now is null ? [] : [new(Seconds(low))];

    private static IEnumerable<Measurement<long>> ByStep(int now) => Steps.Select((label, step) => new Measurement<long>(step == now ? 1 : 0, label));

    private static IEnumerable<Measurement<long>> Routes(IReadOnlyList<RouteClass> routes)
    {
        foreach (var route in routes.Where(r => r.PeakBytes >= 1e6).OrderByDescending(r => r.PeakBytes).Take(MaxRoutes))
        {
            var name = Label("route", route.Name);
            yield return new((long)route.PeakBytes, name, Label("kind", "peak"));
            yield return new((long)route.RepeatPeakBytes, name, Label("kind", "repeat_peak"));
            yield return new((long)Math.Min(route.HeldBytes, route.PeakBytes), name, Label("kind", "held"));
        }
    }

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
