using System.Net.Sockets;
using DrainProxy.Bench.Attacks;
using DrainProxy.Bench.Load;
using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Memory;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Profiling;
using DrainProxy.Bench.Reporting;
using DrainProxy.Bench.Webhooks;

namespace DrainProxy.Bench;

/// <summary>One run of the bench from the choice of peers to the report.</summary>
internal static class Session
{
    public static async Task<int> Run(Options options, CancellationToken cancellation)
    {
        var started = TimeProvider.System.GetTimestamp();
        var old = options.Compare is null ? null : Reporting.Run.Load(options.Compare);
        var repository = Repository();
        var folder = Directory.CreateTempSubdirectory("drainproxy-bench-").FullName;
        try
        {
            if (options.Webhook) return await WebhookRun.Run(options, repository, folder, cancellation);
            if (options.Memory is not null) return await MemoryRun.Run(options, repository, folder, cancellation);
            List<string> notes = [];
            var selected = options switch
            {
                { Profile: { } profile } => options with { Peers = [profile] },
                { Attack: not null, Peers: null } => options with { Peers = ["drainproxy"] },
                _ => options,
            };
            var peers = await Prepare(PeerTable.Select(selected, repository), new Workplace(repository, folder), notes);
            using var stage = await Stage.Set(options, folder, cancellation);
            if (options.Profile is not null)
            {
                return peers is [var profiled] ? await Profile.Run(options, profiled, stage, Console.Out, cancellation) : Fail(notes);
            }

            if (options.Attack is not null) return await AttackRun.Run(options, peers, stage, notes, cancellation);

            var run = await Measure(options, peers, stage, notes, started, cancellation);
            Report(options, run, old);
            return run.Notes.Any(note => note.Contains("left out:")) ? 1 : 0;
        }
        finally
        {
            if (!options.Keep)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static int Fail(List<string> notes)
    {
        notes.ForEach(Console.Error.WriteLine);
        return 1;
    }

    private static async Task<List<Peer>> Prepare(IReadOnlyList<Peer> wanted, Workplace workplace, List<string> notes)
    {
        if (Wrk.Tool.Missing is { } wrk)
        {
            notes.Add($"no full load: {wrk}");
        }

        List<Peer> ready = [];
        foreach (var peer in wanted)
        {
            if (peer.Missing is { } missing)
            {
                notes.Add($"{peer.Name} skipped: {missing}");
            }
            else if (await peer.Prepare(workplace) is { } problem)
            {
                notes.Add($"{peer.Name} left out: {problem}");
            }
            else
            {
                ready.Add(peer);
            }
        }

        return ready;
    }

    /// <summary>Rounds of A B C, A B C, … : a machine that slows down slows all of them.</summary>
    private static async Task<Run> Measure(Options options, List<Peer> peers, Stage stage, List<string> notes, long started, CancellationToken cancellation)
    {
        var versions = new Dictionary<string, string>();
        foreach (var peer in peers)
        {
            versions[peer.Name] = await peer.Version();
        }

        var samples = new Samples();
        var longest = TimeSpan.Zero;
        for (var round = 1; round <= options.Runs; round++)
        {
            if (TimeProvider.System.GetElapsedTime(started) + longest > TimeSpan.FromMinutes(options.LimitMinutes))
            {
                notes.Add($"only {round - 1} of {options.Runs} rounds: another would pass the limit of {options.LimitMinutes} minutes");
                break;
            }

            var begun = TimeProvider.System.GetTimestamp();
            await Round(options, round, peers, stage, samples, notes, cancellation);
            longest = TimeSpan.FromTicks(Math.Max(longest.Ticks, TimeProvider.System.GetElapsedTime(begun).Ticks));
        }

        return new Run(
            TimeProvider.System.GetUtcNow(),
            string.Join(' ', ["dotnet run -c Release --project bench/DrainProxy.Bench --", .. Environment.GetCommandLineArgs().Skip(1)]),
            Machine.This(),
            new RunSettings(options.Runs, options.Seconds, options.Rate, options.Connections, options.Idle, options.Pin),
            versions,
            Row.From(samples, versions.Keys),
            notes);
    }

    private static async Task Round(Options options, int round, List<Peer> peers, Stage stage, Samples samples, List<string> notes, CancellationToken cancellation)
    {
        foreach (var peer in peers.ToArray())
        {
            Console.Error.WriteLine($"round {round} of {options.Runs}: {peer.Name}");
            try
            {
                await new Turn(options, peer, round, stage, samples, notes).Run(cancellation);
            }
            catch (Exception e) when (e is PeerException or SocketException)
            {
                notes.Add($"{peer.Name} left out: {e.Message}");
                peers.Remove(peer);
            }
        }
    }

    private static void Report(Options options, Run run, Run? old)
    {
        Console.WriteLine($"{run.Date:yyyy-MM-dd HH:mm} UTC, {run.Machine.Processor} × {run.Machine.Processors}, Linux {run.Machine.Kernel}");
        Console.WriteLine($"{run.Settings.Runs} rounds, {run.Settings.Connections} connections, {run.Settings.Seconds} s of full load, then {run.Settings.Rate} requests/s; {run.Settings.Idle} idle connections");
        foreach (var (peer, version) in run.Peers)
        {
            Console.WriteLine($"  {peer,-12}{version}");
        }

        Table.Print(Console.Out, run);
        if (old is not null)
        {
            Table.Compare(Console.Out, run, old);
        }

        if (options.Json is not null)
        {
            run.Save(options.Json);
        }
    }

    private static string Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "DrainProxy.sln")))
            {
                return folder.FullName;
            }
        }

        throw new UsageException("the bench runs from a build inside the repository: DrainProxy.sln is not above it");
    }
}
