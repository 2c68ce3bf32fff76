using System.Diagnostics.Metrics;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>The families of the pod's sockets, from the sampler's newest snapshot; none of them asks the kernel.</summary>
internal static class SocketInstruments
{
    private static readonly SocketOwner[] Owners = Enum.GetValues<SocketOwner>();
    private static readonly TcpState[] States = Enum.GetValues<TcpState>();
    private static readonly KeyValuePair<string, object?> Pod = Label("scope", "pod");
    private static readonly KeyValuePair<string, object?> Node = Label("scope", "node");
    private static readonly KeyValuePair<string, object?>[] OwnerLabels = Array.ConvertAll(Owners, o => Label("owner", NameOf(o)));
    private static readonly KeyValuePair<string, object?>[] StateLabels = Array.ConvertAll(States, s => Label("state", LabelNames.Of(s)));

    /// <summary>Label `owner`: the program's name is one word.</summary>
    public static string NameOf(SocketOwner owner) => owner.ToString().ToLowerInvariant();

    public static void Add(Meter meter, MetricsSources sources, ProcessReader process, ScrapeMemory scrapes)
    {
        var queue = new RecentPeak(sources.TakeQueuePeak, scrapes);
        meter.CreateObservableGauge("drainproxy.accept_queue_depth_peak", queue.Read, "{connection}", "Highest accept_queue_depth since the last scrape.");
        var appQueue = new RecentPeak(sources.TakeAppQueuePeak, scrapes);
        meter.CreateObservableGauge("drainproxy.app_accept_queue_depth", () => (long)sources.Pressure().Sample.AcceptQueue, "{connection}", "Connections that the kernel accepted and the app has not taken yet.");
        meter.CreateObservableGauge("drainproxy.app_accept_queue_depth_peak", appQueue.Read, "{connection}", "Highest app_accept_queue_depth since the last scrape.");
        meter.CreateObservableGauge("drainproxy.app_accept_queue_limit", () => sources.Pressure().Sample.AcceptQueueLimit is > 0 and var limit ? [new(limit)] : Array.Empty<Measurement<long>>(),
            "{connection}", "Length at which the app's accept queue overflows.");
        meter.CreateObservableGauge("drainproxy.app_ports", () => Ports(sources.Pressure().Sockets), "{port}",
            "Ports that connections to the app can have, and those that closed ones still keep.");
        meter.CreateObservableCounter("drainproxy.tcp_events", () => Events(sources.Pressure().Sockets.Troubles), "{event}", "Troubles of TCP as the pod's network namespace counts them.");
        meter.CreateObservableGauge("drainproxy.tcp_memory", () => sources.Pressure().Sockets is { Counts: not null } known ? [new(known.Node.MemoryPages * Environment.SystemPageSize, Node)] : Array.Empty<Measurement<long>>(),
            "By", "Memory of TCP's buffers on the whole node.");
        meter.CreateObservableGauge("drainproxy.sockets", () => Sockets(sources.Pressure().Sockets), "{socket}", "TCP sockets by state, whose they are, and whether the pod or the node is counted.");
        meter.CreateObservableCounter("drainproxy.listen_overflows", () => sources.Pressure().Sockets.Troubles.ListenOverflows, "{connection}",
            "Connections that listeners of the pod dropped because their accept queue was full.");
        meter.CreateObservableGauge("drainproxy.socket_leak_suspected", () => Leaks(sources.Pressure().Sockets), null, "1 where the owner does not close what its peers have closed, else 0.");
        meter.CreateObservableGauge("drainproxy.file_descriptors", () => Descriptors(sources, process, d => d.Open), "{file}", "Open file descriptors by owner; of the app, its process with the fewest left.");
        meter.CreateObservableGauge("drainproxy.file_descriptors_limit", () => Descriptors(sources, process, d => d.Limit), "{file}", "Limit of open file descriptors by owner.");
    }

    private static IEnumerable<Measurement<long>> Sockets(SocketSnapshot sockets)
    {
        if (sockets.Counts is not { } counts) yield break;
        for (var owner = 0; owner < Owners.Length; owner++)
            for (var state = 0; state < States.Length; state++)
                yield return new(counts.Of(States[state], Owners[owner]), StateLabels[state], OwnerLabels[owner], Pod);
        yield return new(sockets.Node.Orphans, Label("state", "orphan"), OwnerLabels[(int)SocketOwner.Other], Node);
        yield return new(sockets.Node.Allocated, Label("state", "allocated"), OwnerLabels[(int)SocketOwner.Other], Node);
    }

    private static Measurement<long>[] Ports(SocketSnapshot sockets) => sockets.PortRange == 0 ? [] : [new(sockets.TimeWaitToApp, Label("state", "time_wait")), new(sockets.PortRange, Label("state", "range"))];

    private static Measurement<long>[] Events(TcpTroubles troubles) =>
    [
        new(troubles.ListenDrops, Label("event", "listen_drop"), Pod),
        new(troubles.SynQueueFull, Label("event", "syn_queue_full"), Pod),
        new(troubles.Retransmits, Label("event", "retransmit"), Pod),
        new(troubles.MemoryPressures, Label("event", "memory_pressure"), Pod),
        new(troubles.AbortsOnMemory, Label("event", "abort_on_memory"), Pod),
    ];

    private static IEnumerable<Measurement<long>> Leaks(SocketSnapshot sockets) =>
        Owners.Select((owner, i) => new Measurement<long>(sockets.LeakOf(owner).Suspected ? 1 : 0, OwnerLabels[i]));

    /// <summary>What nobody tells has no sample.</summary>
    private static IEnumerable<Measurement<long>> Descriptors(MetricsSources sources, ProcessReader process, Func<(long Open, long Limit), long> part)
    {
        if (process.Read() is { OpenFiles: { } open, MaxFiles: { } limit }) yield return new(part((open, limit)), OwnerLabels[(int)SocketOwner.DrainProxy]);
        if (sources.Pressure().Sockets.AppDescriptors is { } app) yield return new(part(app), OwnerLabels[(int)SocketOwner.App]);
    }

    private static KeyValuePair<string, object?> Label(string name, string value) => new(name, value);
}
