using DrainProxy.Bench.Load;
using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;
using DrainProxy.Bench.Reporting;

namespace DrainProxy.Bench.Attacks;

/// <summary>Good traffic at the fixed rate, quiet and then under each attack in turn, on the same process: what do others notice of it?</summary>
internal static class AttackRun
{
    /// <summary>Until an attack stands: connections are open, the first limits have been met.</summary>
    private static readonly TimeSpan Onset = TimeSpan.FromSeconds(2);

    /// <summary>After an attack, before the next quiet figure is taken.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan MemoryStep = TimeSpan.FromMilliseconds(250);

    /// <summary>Beside it, the same requests past the peer, straight to the app: what the attack does to the app and to the generator's processor.</summary>
    private const int DirectRate = 200;
    private const int DirectConnections = 8;

    public static async Task<int> Run(Options options, IReadOnlyList<Peer> peers, Stage stage, List<string> notes, CancellationToken cancellation)
    {
        var attacks = AttackTable.Select(options.Attack!);
        List<AttackRow> rows = [];
        for (var round = 1; round <= options.Runs; round++)
        {
            foreach (var peer in peers) await Turn(options, peer, attacks, round, stage, rows, notes, cancellation);
        }

        AttackReport.Print(Console.Out, options, attacks, rows, notes);
        return notes.Any(note => note.Contains("left out:")) ? 1 : 0;
    }

    private static async Task Turn(
        Options options, Peer peer, IReadOnlyList<Attack> attacks, int round, Stage stage, List<AttackRow> rows, List<string> notes, CancellationToken cancellation)
    {
        var place = stage.NewPlace($"{peer.Name}-attack-{round}");
        if (peer.SpeaksTls && attacks.Any(attack => attack.NeedsTls)) place = place with { TlsPort = FreePorts.Take(1)[0] };
        using var child = Child.Start(peer.Configure(place).On(stage.PeerProcessors));
        await Readiness.Wait(child, peer.Ready(place), cancellation);
        await Readiness.Wait(child, (place.Port, "/"), cancellation);
        if (Wrk.Tool.Missing is null) await Wrk.Run(place.Port, options.Connections, options.WarmUp, stage.LoadProcessors);
        await FixedRate.Run(place.Port, options.Connections, options.Rate, 1);
        foreach (var attack in attacks)
        {
            if ((attack.NeedsHttp2 && !peer.SpeaksHttp2) || (attack.NeedsTls && place.TlsPort == 0)) continue;
            Console.Error.WriteLine($"round {round} of {options.Runs}: {peer.Name} under {attack.Name}");
            await Task.Delay(Rest, TimeProvider.System, cancellation);
            var quiet = await Measure(options, peer, place, child.Id);
            var tally = new Tally();
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var attacking = attack.Run(attack.NeedsTls ? place.TlsPort : place.Port, tally, end.Token);
            await Task.Delay(Onset, TimeProvider.System, cancellation);
            var attacked = await Measure(options, peer, place, child.Id);
            await end.CancelAsync();
            await attacking;
            rows.Add(new(peer.Name, attack.Name, quiet, attacked, tally.Connections, tally.EndedByPeer, tally.Bytes));
            if (child.Exited)
            {
                notes.Add($"{peer.Name} left out: it ended under {attack.Name}{Environment.NewLine}{child.LastLines}");
                return;
            }

            await Readiness.Wait(child, (place.Port, "/"), cancellation);
        }
    }

    private static async Task<Phase> Measure(Options options, Peer peer, Place place, int pid)
    {
        using var end = new CancellationTokenSource();
        var collectedBefore = await Collected.Read(peer.Metrics(place));
        var cpuBefore = ProcessTree.Cpu(pid);
        var memory = HighestMemory(pid, end.Token);
        var fresh = FreshConnections.Run(place.Port, end.Token);
        var direct = FixedRate.Run(place.AppPort, DirectConnections, DirectRate, options.Seconds);
        var load = await FixedRate.Run(place.Port, options.Connections, options.Rate, options.Seconds);
        var cpu = ProcessTree.Cpu(pid) - cpuBefore;
        await end.CancelAsync();
        var collected = (await Collected.Read(peer.Metrics(place))).Since(collectedBefore);
        return new Phase(load, await fresh, await direct, collected, cpu.TotalSeconds / options.Seconds, await memory);
    }

    private static async Task<double> HighestMemory(int pid, CancellationToken until)
    {
        double highest = 0;
        while (!until.IsCancellationRequested)
        {
            highest = Math.Max(highest, MemoryReading.Resident(pid) / 1024);
            await Task.Delay(MemoryStep, TimeProvider.System, until).ContinueWith(static _ => { }, TaskScheduler.Default);
        }

        return highest;
    }
}

/// <summary>Good traffic for some seconds: at the fixed rate, and on new connections.</summary>
/// <param name="Load">At the fixed rate on kept connections.</param>
/// <param name="Fresh">On new ones.</param>
/// <param name="Direct">At a low fixed rate past the peer.</param>
/// <param name="Collected">What its garbage collector did.</param>
/// <param name="Cpu">Share of a processor that the peer used.</param>
/// <param name="Memory">Highest resident size of the peer, in MB.</param>
internal sealed record Phase(FixedRateResult Load, FreshResult Fresh, FixedRateResult Direct, Collected Collected, double Cpu, double Memory);

/// <summary>What a peer's garbage collector did, where the peer tells it; else nothing.</summary>
/// <param name="Young">Collections of the youngest generation alone.</param>
/// <param name="Middle">Of the second one too.</param>
/// <param name="Full">Of all.</param>
/// <param name="Paused">Milliseconds with all threads paused.</param>
/// <param name="Allocated">MB.</param>
internal sealed record Collected(double Young, double Middle, double Full, double Paused, double Allocated)
{
    public static async Task<Collected> Read((int Port, string Path)? metrics)
    {
        if (metrics is not { } at || await Scrape.Read(at, CancellationToken.None) is not { Text: { } text }) return new(0, 0, 0, 0, 0);
        double Of(string generation) => Scrape.Sum(text, $"dotnet_gc_collections_total{{gc_heap_generation=\"{generation}\"}}");
        return new(
            Of("gen0"), Of("gen1"), Of("gen2"), Scrape.Sum(text, "dotnet_gc_pause_time_seconds_total") * 1000,
            Scrape.Sum(text, "dotnet_gc_heap_total_allocated_bytes_total") / (1 << 20));
    }

    public Collected Since(Collected before) =>
        new(Young - before.Young, Middle - before.Middle, Full - before.Full, Paused - before.Paused, Allocated - before.Allocated);
}

/// <summary>One attack on one peer, once.</summary>
internal sealed record AttackRow(string Peer, string Attack, Phase Quiet, Phase Attacked, long Connections, long Ended, long Bytes)
{
    public double Ratio => Attacked.Load.P99 / Quiet.Load.P99;

    public double FreshRatio => Attacked.Fresh.P99 / Quiet.Fresh.P99;

    public long Failed => Attacked.Load.Failed + Attacked.Fresh.Failed;
}
