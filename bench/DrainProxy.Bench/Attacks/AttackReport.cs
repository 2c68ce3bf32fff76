using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Reporting;

namespace DrainProxy.Bench.Attacks;

internal static class AttackReport
{
    /// <summary>How much slower good traffic's p99 may get while an attack runs.</summary>
    private const double Allowed = 3;

    /// <summary>MB: the memory limit that `drainproxy inject` gives the sidecar.</summary>
    private const double MemoryBound = 256;

    public static void Print(TextWriter writer, Options options, IReadOnlyList<Attack> attacks, List<AttackRow> rows, List<string> notes)
    {
        var machine = Machine.This();
        writer.WriteLine($"{TimeProvider.System.GetUtcNow():yyyy-MM-dd HH:mm} UTC, {machine.Processor} × {machine.Processors}, Linux {machine.Kernel}");
        writer.WriteLine($"{options.Rate} requests/s on {options.Connections} kept connections for {options.Seconds} s, quiet and then attacked; beside them new connections one after the other");
        writer.WriteLine("µs, median over rounds; × is the ratio within a round (lowest – highest); generator: how late it sent itself, p99 under attack");
        writer.WriteLine("past: p99 of the same requests straight to the app, quiet and attacked; GC: its pauses in ms, its collections (young, middle, full) and what was allocated in MB, under attack");
        foreach (var peer in rows.Select(row => row.Peer).Distinct())
        {
            writer.WriteLine();
            writer.WriteLine(peer);
            writer.WriteLine($"  {"attack",-18}{"p99 quiet",10}{"attacked",10}  {"×",-21}{"new quiet",10}{"attacked",10}{"×",7}{"failed",8}{"CPU",6}{"MB quiet",10}{"highest",9}{"generator",11}{"past",8}{"",8}{"GC ms",7}{"GCs",10}{"MB",6}{"opened",9}{"ended",8}");
            foreach (var group in rows.Where(row => row.Peer == peer).GroupBy(row => row.Attack)) Row(writer, [.. group]);
        }

        Table.Lines(writer, "Attacks", [.. attacks.Select(attack => $"{attack.Name,-18}{attack.What}")]);
        Table.Lines(writer, "Notes", [.. notes, .. Slow(rows)]);
    }

    private static void Row(TextWriter writer, IReadOnlyList<AttackRow> rounds)
    {
        double Median(Func<AttackRow, double> value) => Spread.Of([.. rounds.Select(value)]).Median;
        var ratio = Spread.Of([.. rounds.Select(row => row.Ratio)]);
        writer.WriteLine(
            $"  {rounds[0].Attack,-18}{Median(r => r.Quiet.Load.P99),10:F0}{Median(r => r.Attacked.Load.P99),10:F0}  {$"{ratio.Median:F2} ({ratio.Min:F2} – {ratio.Max:F2})",-21}"
            + $"{Median(r => r.Quiet.Fresh.P99),10:F0}{Median(r => r.Attacked.Fresh.P99),10:F0}{Median(r => r.FreshRatio),7:F2}{rounds.Sum(r => r.Failed),8}{Median(r => r.Attacked.Cpu),6:P0}"
            + $"{Median(r => r.Quiet.Memory),10:F0}{rounds.Max(r => r.Attacked.Memory),9:F0}{Median(r => r.Attacked.Load.LateP99),11:F0}{Median(r => r.Quiet.Direct.P99),8:F0}{Median(r => r.Attacked.Direct.P99),8:F0}"
            + $"{Median(r => r.Attacked.Collected.Paused),7:F0}{$"{Median(r => r.Attacked.Collected.Young):F0}+{Median(r => r.Attacked.Collected.Middle):F0}+{Median(r => r.Attacked.Collected.Full):F0}",10}{Median(r => r.Attacked.Collected.Allocated),6:F0}{Median(r => r.Connections),9:F0}{Median(r => r.Ended),8:F0}");
    }

    private static IEnumerable<string> Slow(List<AttackRow> rows) =>
        from row in rows
        group row by (row.Peer, row.Attack) into rounds
        let ratio = Spread.Of([.. rounds.Select(row => row.Ratio)])
        let memory = rounds.Max(row => row.Attacked.Memory)
        where ratio.Median > Allowed || memory > MemoryBound || rounds.Any(row => row.Failed > 0)
        select $"{rounds.Key.Peer} under {rounds.Key.Attack}: p99 {ratio.Median:F1} times its quiet value (at most {Allowed}), {memory:F0} MB (at most {MemoryBound}), {rounds.Sum(row => row.Failed)} good requests failed";
}
