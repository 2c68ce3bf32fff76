using System.Diagnostics.Metrics;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>The families of the app's memory, all from the sampler's newest snapshot. What its source does not tell has no sample: 0 would be a lie.</summary>
internal static class PressureInstruments
{
    private static readonly (KeyValuePair<string, object?> Kind, Func<MemoryReading, long> Read)[] Parts =
    [
        (Label("kind", "used"), m => m.UsedBytes),
        (Label("kind", "anon"), m => m.AnonBytes),
        (Label("kind", "shared"), m => m.SharedBytes),
        (Label("kind", "kernel"), m => m.KernelBytes),
        (Label("kind", "socket"), m => m.SocketBytes),
        (Label("kind", "reclaimable"), m => m.ReclaimableBytes),
    ];

    private static readonly KeyValuePair<string, object?>[] Methods = Array.ConvertAll(Enum.GetValues<MemoryMethod>(), method => Label("method", LabelNames.Of(method)));

    public static void Add(Meter meter, MetricsSources sources, ScrapeMemory scrapes)
    {
        var peak = new RecentPeak(sources.TakeMemoryPeak, scrapes);
        Gauge("app_memory", "By", "Memory of the app; used is what the kernel cannot take back.",
            s => Parts.Select(p => new Measurement<long>(p.Read(s.Memory), p.Kind)).Concat(Charged(s.Charge)));
        Gauge("app_memory_peak", "By", "Highest use of memory by the app since the last scrape.", _ => [new(peak.Read())]);
        Gauge("app_memory_limit", "By", "Nearest limit that holds for the app's memory.", s => Bounded(s, s.Sample.LimitBytes));
        Gauge("memory_headroom", "By", "What the app may still allocate before the kernel kills.", s => Bounded(s, s.Sample.HeadroomBytes));
        // Also told when the app has just gone: then it matters most.
        var low = new RecentLow(sources.TakeHeadroomLow, scrapes);
        meter.CreateObservableGauge("drainproxy.memory_headroom_low", () => low.Read() is not long.MaxValue and var lowest ? [new(lowest)] : Array.Empty<Measurement<long>>(),
            "By", "Lowest memory_headroom since the last scrape.");
        meter.CreateObservableCounter("drainproxy.app_memory_stalled", () => Stalled(sources.Pressure().Charge.Stalls ?? default), "s",
            "Time that tasks of the app have waited for memory, by its cgroup: some, or all that had work.");
        meter.CreateObservableCounter("drainproxy.app_oom_kills", sources.OomKills, "{kill}", "Processes of the app that the OOM killer has killed.");
        meter.CreateObservableGauge("drainproxy.memory_source", () => Chosen(sources.Pressure().Sample.Method), null,
            "1 for the way in which the app's memory is seen, 0 for all others.");

        void Gauge(string name, string unit, string help, Func<PressureSnapshot, IEnumerable<Measurement<long>>> read) =>
            meter.CreateObservableGauge("drainproxy." + name, () => sources.Pressure() is { Sample.Method: not MemoryMethod.None } known ? read(known) : [], unit, help);
    }

    private static IEnumerable<Measurement<long>> Charged(CgroupCharge charge)
    {
        if (charge.ChargedBytes is { } now) yield return new(now, Label("kind", "charged"));
        if (charge.ChargedPeakBytes is { } highest) yield return new(highest, Label("kind", "charged_peak"));
    }

    private static Measurement<double>[] Stalled(MemoryStalls stalls) => [new(stalls.Some.TotalSeconds, Label("kind", "some")), new(stalls.Full.TotalSeconds, Label("kind", "full"))];

    private static Measurement<long>[] Bounded(PressureSnapshot snapshot, long value) => snapshot.Sample.LimitBytes == long.MaxValue ? [] : [new(value)];

    private static IEnumerable<Measurement<long>> Chosen(MemoryMethod now) => Methods.Select((label, method) => new Measurement<long>(method == (int)now ? 1 : 0, label));

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
