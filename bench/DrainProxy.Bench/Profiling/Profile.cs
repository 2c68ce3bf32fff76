using DrainProxy.Bench.Load;
using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Profiling;

/// <summary>Where a peer's CPU time goes under full load: by thread from /proc always, by module and symbol from perf where it works.</summary>
internal static class Profile
{
    private const int Samples = 999;
    private const int Symbols = 50;
    private const double WarmUp = 8; // the compiler itself is not what is looked for
    private static readonly Tool Perf = new("perf", "linux-perf");

    public static async Task<int> Run(Options options, Peer peer, Stage stage, TextWriter writer, CancellationToken cancellation)
    {
        if (Wrk.Tool.Missing is { } missing)
        {
            throw new PeerException(missing);
        }

        var place = stage.NewPlace("profile");
        // Without the map perf sees addresses instead of the methods that the runtime compiled, and it cannot match the map while
        // the runtime keeps its code in a memfd that is mapped twice (write xor execute).
        using var child = Child.Start(peer.Configure(place).On(stage.PeerProcessors).With("DOTNET_PerfMapEnabled", "1").With("DOTNET_EnableWriteXorExecute", "0"));
        await Readiness.Wait(child, peer.Ready(place), cancellation);
        await Wrk.Run(place.Port, options.Connections, WarmUp, stage.LoadProcessors);

        var data = Path.Combine(place.Folder, "perf.data");
        var pids = string.Join(',', ProcessTree.Members(child.Id));
        var before = ProcessTree.CpuByThread(child.Id);
        var load = Wrk.Run(place.Port, options.Connections, options.Seconds + 1, stage.LoadProcessors);
        var recorded = Perf.Path is null ? null : await Child.Capture(
            TimeSpan.FromSeconds(options.Seconds + 20),
            new Launch(Perf.Path, "record", "-e", "cpu-clock", "-F", $"{Samples}", "-g", "-o", data, "-p", pids, "--", "sleep", $"{options.Seconds}"));
        var result = await load;
        var after = ProcessTree.CpuByThread(child.Id);

        writer.WriteLine($"{peer.Name}: {result.PerSecond:F0} requests/s while being profiled");
        writer.WriteLine();
        writer.WriteLine("CPU µs per request by thread");
        foreach (var (thread, seconds) in after.Select(thread => (thread.Key, Seconds: thread.Value - before.GetValueOrDefault(thread.Key))).Where(thread => thread.Seconds > 0).OrderByDescending(thread => thread.Seconds))
        {
            writer.WriteLine($"  {seconds * 1e6 / result.Requests,8:F2}  {thread}");
        }

        if (recorded is null)
        {
            writer.WriteLine();
            writer.WriteLine(Perf.Missing ?? "perf is there but cannot record on this machine (kernel or virtual machine does not allow it)");
            return 0;
        }

        await Print(writer, data);
        foreach (var map in Directory.GetFiles(Path.GetTempPath(), $"perf*-{child.Id}.map"))
        {
            File.Delete(map);
        }

        return 0;
    }

    private static async Task Print(TextWriter writer, string data)
    {
        var symbols = PerfReport.Parse(await Report(data, "--sort", "dso,symbol", "--no-children", "-g", "none", "--field-separator", "\t"));
        writer.WriteLine();
        writer.WriteLine("By module (compiled .NET code by assembly)");
        foreach (var module in symbols.GroupBy(line => line.Area).Select(area => (area.Key, Percent: area.Sum(line => line.Percent))).Where(area => area.Percent >= 0.5).OrderByDescending(area => area.Percent))
        {
            writer.WriteLine($"  {module.Percent,6:F1} %  {module.Key}");
        }

        writer.WriteLine();
        writer.WriteLine("By symbol, own time");
        Lines(writer, symbols);
        writer.WriteLine();
        writer.WriteLine("By symbol, with what it calls (compiled .NET code)");
        var inclusive = PerfReport.Parse(await Report(data, "--sort", "dso,symbol", "--children", "-g", "none", "--field-separator", "\t"));
        Lines(writer, [.. inclusive.Where(line => line.Managed)]);
    }

    private static void Lines(TextWriter writer, IReadOnlyList<PerfLine> lines)
    {
        foreach (var line in lines.Take(Symbols))
        {
            writer.WriteLine($"  {line.Percent,6:F1} %  {line.Area}: {line.Symbol}");
        }
    }

    private static async Task<string> Report(string data, params string[] arguments) =>
        await Child.Capture(TimeSpan.FromSeconds(60), new Launch(Perf.Path!, ["report", "--stdio", "-i", data, .. arguments]))
        ?? throw new PeerException("perf report failed");
}
