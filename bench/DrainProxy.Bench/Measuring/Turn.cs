using DrainProxy.Bench.Load;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Measuring;

/// <summary>One peer's turn in one round: fresh processes, first for rest and load, then for idle connections, then only to be timed.</summary>
internal sealed class Turn(Options options, Peer peer, int round, Stage stage, Samples samples, ICollection<string> notes)
{
    private const int StartsPerTurn = 3;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);
    private int starts;

    public async Task Run(CancellationToken cancellation)
    {
        if (options.Metrics.Any(group => group is MetricGroup.Cpu or MetricGroup.Throughput or MetricGroup.Latency or MetricGroup.Memory))
        {
            await RestAndLoad(cancellation);
        }

        if (options.Wants(MetricGroup.Idle))
        {
            await IdleMemory(cancellation);
        }

        while (options.Wants(MetricGroup.Start) && starts < StartsPerTurn)
        {
            using var started = await Start(cancellation);
        }
    }

    private async Task RestAndLoad(CancellationToken cancellation)
    {
        using var running = await Start(cancellation);
        if (options.Wants(MetricGroup.Memory))
        {
            await Task.Delay(Rest, TimeProvider.System, cancellation);
            var memory = MemoryReading.Of(running.Child.Id);
            Add(Metric.PssRest, memory.Pss / 1024);
            Add(Metric.AloneRest, memory.Alone / 1024);
        }

        if (Wrk.Tool.Missing is null)
        {
            var warm = await Wrk.Run(running.Place.Port, options.Connections, options.WarmUp, stage.LoadProcessors);
            await FullLoad(running, warm.Requests, cancellation);
        }

        if (options.Wants(MetricGroup.Latency) || options.Wants(MetricGroup.Cpu))
        {
            await SteadyLoad(running);
        }
    }

    private async Task FullLoad(Running running, long warmUpRequests, CancellationToken cancellation)
    {
        var cpuBefore = ProcessTree.Cpu(running.Child.Id);
        var load = Wrk.Run(running.Place.Port, options.Connections, options.Seconds, stage.LoadProcessors);
        MemoryReading highest = default;
        for (var i = 0; i < 2; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(options.Seconds * 0.4), TimeProvider.System, cancellation);
            highest = Highest(highest, running);
        }

        ReadMetrics(running.Place, warmUpRequests);
        var result = await load;
        var cpu = ProcessTree.Cpu(running.Child.Id) - cpuBefore;
        highest = Highest(highest, running);
        if (result.Failed > 0)
        {
            Note($"{result.Failed} of {result.Requests} requests failed under full load");
        }

        Add(Metric.Cpu, cpu.TotalMicroseconds / result.Requests);
        Add(Metric.Throughput, result.PerSecond);
        Add(Metric.PssLoad, highest.Pss / 1024);
        Add(Metric.AloneLoad, highest.Alone / 1024);
    }

    private async Task SteadyLoad(Running running)
    {
        var cpuBefore = ProcessTree.Cpu(running.Child.Id);
        var result = await FixedRate.Run(running.Place.Port, options.Connections, options.Rate, options.Seconds);
        var cpu = ProcessTree.Cpu(running.Child.Id) - cpuBefore;
        if (result.Failed > 0)
        {
            Note($"{result.Failed} of {result.Requests} requests failed at {options.Rate}/s");
        }

        Add(Metric.P50, result.P50);
        Add(Metric.P99, result.P99);
        Add(Metric.LateP99, result.LateP99);
        Add(Metric.CpuAtRate, cpu.TotalMicroseconds / result.Requests);
    }

    /// <summary>A few requests first: code that is loaded and compiled once is not a connection's cost.</summary>
    private async Task IdleMemory(CancellationToken cancellation)
    {
        using var running = await Start(cancellation);
        await FixedRate.Run(running.Place.Port, 8, options.Rate, 1);
        await Task.Delay(Settle, TimeProvider.System, cancellation);
        var before = MemoryReading.Of(running.Child.Id);
        using var idle = IdleConnections.Open(running.Place.Port, options.Idle);
        await Task.Delay(Settle, TimeProvider.System, cancellation);
        var after = MemoryReading.Of(running.Child.Id);
        if (idle.StillOpen < options.Idle)
        {
            Note($"closed {options.Idle - idle.StillOpen} of {options.Idle} idle connections within a second");
        }

        Add(Metric.IdleConnection, (after.Pss - before.Pss) / options.Idle);
    }

    private async Task<Running> Start(CancellationToken cancellation)
    {
        var place = stage.NewPlace($"{peer.Name}-{round}-{starts++}");
        var launch = peer.Configure(place).On(stage.PeerProcessors);
        var before = TimeProvider.System.GetTimestamp();
        var running = new Running(Child.Start(launch), place);
        try
        {
            await Readiness.Wait(running.Child, peer.Ready(place), cancellation);
            Add(Metric.Start, TimeProvider.System.GetElapsedTime(before).TotalMilliseconds);
            await Readiness.Wait(running.Child, (place.Port, "/"), cancellation);
            return running;
        }
        catch
        {
            running.Dispose();
            throw;
        }
    }

    /// <summary>Metrics that are on must count: a build that leaves them out would only look faster.</summary>
    private void ReadMetrics(Place place, long expected)
    {
        if (peer.Metrics(place) is not { } metrics)
        {
            return;
        }

        var (text, problem) = Scrape.Read(metrics);
        if (text is null)
        {
            Note($"its metrics endpoint under load: {problem}");
        }
        else if (Scrape.Sum(text, peer.RequestCounter) is var counted && counted < expected)
        {
            Note($"its metrics count {counted} requests of at least {expected}");
        }
    }

    private static MemoryReading Highest(MemoryReading soFar, Running running)
    {
        var now = MemoryReading.Of(running.Child.Id);
        return new MemoryReading(Math.Max(soFar.Pss, now.Pss), Math.Max(soFar.Alone, now.Alone));
    }

    private void Add(Metric metric, double value)
    {
        if (options.Wants(metric.Group))
        {
            samples.Add(peer.Name, metric, round, value);
        }
    }

    private void Note(string text) => notes.Add($"{peer.Name}, round {round}: {text}");

    private sealed record Running(Child Child, Place Place) : IDisposable
    {
        public void Dispose() => Child.Dispose();
    }
}
