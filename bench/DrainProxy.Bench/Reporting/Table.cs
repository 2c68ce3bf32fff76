using DrainProxy.Bench.Measuring;
using DrainProxy.Bench.Peers;

namespace DrainProxy.Bench.Reporting;

internal static class Table
{
    public static void Print(TextWriter writer, Run run)
    {
        foreach (var metric in Metric.All)
        {
            var rows = run.Rows.Where(row => row.Metric == metric.Key).ToArray();
            if (rows.Length == 0)
            {
                continue;
            }

            writer.WriteLine();
            writer.WriteLine($"{metric.Title} [{metric.Unit}], {(metric.MoreIsBetter ? "more" : "less")} is better");
            var baseline = rows.Any(row => row.RatioToBaseline is not null);
            writer.WriteLine($"  {"peer",-12}{"median",10}  {"min – max",-19}  {"× " + PeerTable.Reference,-22}{(baseline ? "× " + PeerTable.Baseline : "")}".TrimEnd());
            foreach (var row in rows)
            {
                writer.WriteLine($"  {row.Peer,-12}{Number(row.Median),10}  {Number(row.Min) + " – " + Number(row.Max),-19}  {Ratio(row.RatioToReference),-22}{Ratio(row.RatioToBaseline)}".TrimEnd());
            }
        }

        Lines(writer, "Notes", run.Notes);
    }

    public static void Compare(TextWriter writer, Run now, Run old)
    {
        writer.WriteLine();
        writer.WriteLine($"Against the rows of {old.Date:yyyy-MM-dd HH:mm} UTC (* = the spreads do not overlap)");
        if (now.Machine != old.Machine || now.Settings with { Runs = old.Settings.Runs } != old.Settings)
        {
            writer.WriteLine("  machine or settings differ: trust the ratios to haproxy, not the plain figures");
        }

        writer.WriteLine($"  {"metric",-24}{"peer",-12}{"old",10}{"now",10}{"now/old",9}   {"× haproxy old",13}{"now",8}");
        foreach (var row in now.Rows)
        {
            if (old.Rows.FirstOrDefault(other => other.Peer == row.Peer && other.Metric == row.Metric) is not { } before)
            {
                continue;
            }

            var apart = row.Min > before.Max || row.Max < before.Min ? " *" : "  ";
            writer.WriteLine(
                $"  {row.Metric,-24}{row.Peer,-12}{Number(before.Median),10}{Number(row.Median),10}{row.Median / before.Median,9:F2}{apart} {before.RatioToReference?.Median,13:F2}{row.RatioToReference?.Median,8:F2}");
        }
    }

    public static void Lines(TextWriter writer, string title, IReadOnlyList<string> lines)
    {
        if (lines.Count == 0)
        {
            return;
        }

        writer.WriteLine();
        writer.WriteLine(title);
        foreach (var line in lines)
        {
            writer.WriteLine($"  {line}");
        }
    }

    private static string Number(double value) => Math.Abs(value) switch
    {
        >= 1000 => $"{value:F0}",
        >= 100 => $"{value:F1}",
        _ => $"{value:F2}",
    };

    private static string Ratio(Spread? ratio) => ratio is { } r ? $"{r.Median:F2} ({r.Min:F2} – {r.Max:F2})" : "";
}
