using System.Collections.Concurrent;
using DrainProxy.Decisions.Pressure.BlackBox;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Pressure;

/// <summary>Listens to the sampler for the OOM killer's visits; tells each as one line of the log and keeps the last ones for `/state`.</summary>
internal sealed partial class BlackBox
{
    /// <summary>Incidents kept.</summary>
    private const int Most = 8;

    private readonly OomWatch watch = new();
    private readonly ConcurrentQueue<OomIncident> last = new();
    private readonly ProxyCounters counters;
    private readonly PressureSampler sampler;
    private readonly ILogger log;
    private long concluded;

    public BlackBox(PressureSampler sampler, ProxyCounters counters, ILogger log)
    {
        (this.sampler, this.counters, this.log) = (sampler, counters, log);
        sampler.Sampled += Observe;
    }

    /// <summary>Who is under way; set before the sampler starts.</summary>
    public IInFlightRequests Requests { get; set; } = new NoInFlightRequests();

    /// <summary>Processes of the app killed so far: those that the kernel has counted, and those that vanished where it does not tell.</summary>
    public long Kills => sampler.Latest.OomKills + Volatile.Read(ref concluded);

    /// <summary>The last incidents, oldest first.</summary>
    public IReadOnlyCollection<OomIncident> Last => last;

    /// <summary>Whether requests of a route have lately got the app killed. Asked after a failure only: it looks once more before it answers.</summary>
    public bool IsSuspect(string route, TimeSpan now)
    {
        // The connection's end is often seen before the kill's counter was read.
        sampler.ReadNow();
        lock (watch) return watch.IsSuspect(route, now);
    }

    private void Observe(PressureSnapshot snapshot)
    {
        OomIncident? incident;
        lock (watch)
        {
            incident = watch.Observe(snapshot.Sample, Requests, Broken());
            Volatile.Write(ref concluded, watch.Concluded);
        }

        if (incident is null) return;
        last.Enqueue(incident);
        while (last.Count > Most) last.TryDequeue(out _);
        Tell(incident);
    }

    private long Broken() => counters.UpstreamErrors(UpstreamCause.ClosedBeforeAnswer) + counters.UpstreamErrors(UpstreamCause.ClosedDuringAnswer)
        + counters.UpstreamErrors(UpstreamCause.ConnectRefused);

    /// <summary>What is large goes beside the message, as fields: the message is for people.</summary>
    private void Tell(OomIncident incident)
    {
        using var fields = log.BeginScope(new Dictionary<string, object?>
        {
            ["@culprit"] = incident.Culprit is { } c ? new Dictionary<string, object> { ["route"] = c.Route, ["share"] = Math.Round(c.Share, 2) } : null,
            ["@in_flight"] = incident.InFlight.Select(r => new Dictionary<string, object>
            {
                ["route"] = r.Route,
                ["age_ms"] = (long)(incident.At - r.StartedAt).TotalMilliseconds,
                ["predicted_bytes"] = r.PredictedBytes,
            }).ToArray(),
            ["@memory_curve"] = incident.MemoryCurve.Select(p => new Dictionary<string, object>
            {
                ["ms"] = -(long)p.Ago.TotalMilliseconds,
                ["used_bytes"] = p.UsedBytes,
            }).ToArray(),
            ["limit_bytes"] = incident.LimitBytes == long.MaxValue ? null : incident.LimitBytes,
            ["evidence"] = LabelNames.Of(incident.Evidence),
        });
        LogOomKill(log, incident.Kills, incident.Culprit?.Route ?? "none", incident.Advice);
    }

    [LoggerMessage(301, LogLevel.Error, "OOM killer: {Kills} of the app's processes killed; suspected: {Suspect}. {Advice}", EventName = "app_oom_kill")]
    private static partial void LogOomKill(ILogger log, long kills, string suspect, string advice);
}
