using DrainProxy.Bench.Load;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Measuring;

/// <summary>One peer's turn in one round: fresh processes, first for rest and load, then for idle connections, then only to be timed.</summary>
internal sealed class Turn(Options options, Peer peer, int round, Stage stage, Samples samples, ICollection<string> notes)
{
    private const int StartsPerTurn = 3;
    private const int WarmUpSteps = 8;
    private const double Quiet = 0.03;
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);

    /// <summary>What an idle connection holds is what stays: collectors get the time that a pool gives them.</summary>
    private static readonly TimeSpan LastingRest = TimeSpan.FromSeconds(5);
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
            await FullLoad(running, await WarmUp(running), cancellation);
        }

        if (options.Wants(MetricGroup.Latency) || options.Wants(MetricGroup.Cpu))
        {
            await SteadyLoad(running);
        }
    }

    /// <summary>
    /// Until .NET's background compiler has gone quiet. On a busy machine it needs far longer than on an idle one, and unfinished
    /// it doubles the CPU per request: that would be measured instead of the proxy.
    /// </summary>
    private async Task<long> WarmUp(Running running)
    {
        var requests = (await Wrk.Run(running.Place.Port, options.Connections, options.WarmUp, stage.LoadProcessors)).Requests;
        for (var step = 0; step < WarmUpSteps; step++)
        {
            var (cpu, compiler) = (ProcessTree.Cpu(running.Child.Id), ProcessTree.Compiler(running.Child.Id));
            if (compiler is null)
            {
                return requests;
            }

            requests += (await Wrk.Run(running.Place.Port, options.Connections, 1, stage.LoadProcessors)).Requests;
            var share = (ProcessTree.Compiler(running.Child.Id) - compiler) / (ProcessTree.Cpu(running.Child.Id) - cpu);
            if (share < Quiet)
            {
                return requests;
            }
        }

        Note($"its compiler was still at work after {options.WarmUp + WarmUpSteps} s of warm-up: full load looks dearer than it is");
        return requests;
    }

    private async Task FullLoad(Running running, long warmUpRequests, CancellationToken cancellation)
    {
        var cpuBefore = ProcessTree.Cpu(running.Child.Id);
        var compilerBefore = ProcessTree.Compiler(running.Child.Id);
        var load = Wrk.Run(running.Place.Port, options.Connections, options.Seconds, stage.LoadProcessors);
        MemoryReading highest = default;
        for (var i = 0; i < 2; i++)
        {
            await Task.Delay(TimeSpan.FromSeconds(options.Seconds * 0.4), TimeProvider.System, cancellation);
            highest = Highest(highest, running);
        }

        await ReadMetrics(running.Place, warmUpRequests, cancellation);
        var result = await load;
        var cpu = ProcessTree.Cpu(running.Child.Id) - cpuBefore;
        highest = Highest(highest, running);
        if (result.Failed > 0)
        {
            Note($"{result.Failed} of {result.Requests} requests failed under full load");
        }

        Add(Metric.Cpu, cpu.TotalMicroseconds / result.Requests);
        if ((ProcessTree.Compiler(running.Child.Id) ?? compilerBefore) is { } compiler)
        {
            // A new thread starts at zero: then all of its time falls into this load.
            var since = compilerBefore is { } earlier && earlier <= compiler ? earlier : TimeSpan.Zero;
            Add(Metric.Compiler, (compiler - since).TotalMicroseconds / result.Requests);
        }

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

    /// <summary>
    /// What each further connection costs: the difference between half of them and all of them. Code that is loaded once, and what an
    /// allocator takes in advance, is in both.
    /// </summary>
    private async Task IdleMemory(CancellationToken cancellation)
    {
        using var running = await Start(cancellation);
        await FixedRate.Run(running.Place.Port, 8, options.Rate, 1);
        var half = options.Idle / 2;
        using var first = IdleConnections.Open(running.Place.Port, half);
        await Task.Delay(LastingRest, TimeProvider.System, cancellation);
        var before = MemoryReading.Of(running.Child.Id);
        using var second = IdleConnections.Open(running.Place.Port, half);
        await Task.Delay(LastingRest, TimeProvider.System, cancellation);
        var after = MemoryReading.Of(running.Child.Id);
        var open = first.StillOpen + second.StillOpen;
        if (open < 2 * half) Note($"closed {(2 * half) - open} of {2 * half} idle connections within seconds");
        Add(Metric.IdleConnection, (after.Pss - before.Pss) / half);
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
    private async Task ReadMetrics(Place place, long expected, CancellationToken cancellation)
    {
        if (peer.Metrics(place) is not { } metrics)
        {
            return;
        }

        var (text, problem) = await Scrape.Read(metrics, cancellation);
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
