using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>Where the gauges that ProxyCounters does not hold are read from, each asked once per scrape.</summary>
public sealed class MetricsSources
{
    public required Func<Phase> Phase { get; init; }

    public required Func<bool> AppUp { get; init; }

    /// <summary>Connections from load balancers and clients: with a request on them, and without.</summary>
    public required Func<(long Active, long Idle)> Downstream { get; init; }

    /// <summary>Connections to the app: with a request on them, and pooled.</summary>
    public required Func<(long Active, long Idle)> Upstream { get; init; }

    /// <summary>Connections that the kernel has accepted and the proxy has not yet.</summary>
    public required Func<int> AcceptQueueDepth { get; init; }

    /// <summary>The sampler's newest snapshot.</summary>
    public Func<PressureSnapshot> Pressure { get; init; } = () => PressureSnapshot.Unknown;

    /// <summary>The longest that our accept queue was since the last call.</summary>
    public Func<long> TakeQueuePeak { get; init; } = () => 0;

    /// <summary>The longest that the app's accept queue was since the last call.</summary>
    public Func<long> TakeAppQueuePeak { get; init; } = () => 0;

    /// <summary>Processes of the app killed by the OOM killer so far.</summary>
    public Func<long> OomKills { get; init; } = () => 0;

    /// <summary>The app's highest use of memory since the last call.</summary>
    public Func<long> TakeMemoryPeak { get; init; } = () => 0;

    /// <summary>The app's least headroom since the last call, in bytes; <see cref="long.MaxValue"/> when no limit was known.</summary>
    public Func<long> TakeHeadroomLow { get; init; } = () => long.MaxValue;

    /// <summary>The shortest time to OOM since the last call, in ticks of <see cref="TimeSpan"/>; <see cref="long.MaxValue"/> when it was never in sight.</summary>
    public Func<long> TakeTimeToOomLow { get; init; } = () => long.MaxValue;

    /// <summary>Time since t0 while a termination goes on, null otherwise. Lets a scrape in the middle of a drain see how long it takes already.</summary>
    public Func<TimeSpan?> DrainElapsed { get; init; } = () => null;

    /// <summary>What admission decides by.</summary>
    public Func<AdmissionReading> Admission { get; init; } = () => AdmissionReading.None;
}
