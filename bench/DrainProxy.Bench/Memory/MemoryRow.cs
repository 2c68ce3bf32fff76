using System.Globalization;

namespace DrainProxy.Bench.Memory;

/// <summary>What came of one arm.</summary>
/// <param name="Arm">Who stood in front of the app.</param>
/// <param name="Seconds">How long it was loaded.</param>
/// <param name="Heavy">Answers to exports.</param>
/// <param name="Light">Answers to light requests.</param>
/// <param name="Kills">When kills were seen, in seconds from the start.</param>
/// <param name="HighestMi">The highest use, in MiB.</param>
/// <param name="Told">What DrainProxy said of what it has learned; empty for others.</param>
internal sealed record MemoryRow(string Arm, double Seconds, IReadOnlyList<Answer> Heavy, IReadOnlyList<Answer> Light, IReadOnlyList<double> Kills, long HighestMi, string Told)
{
    /// <summary>The learning phase: what happens in it is reported apart.</summary>
    public const double Learning = 10;

    public double Exports => Heavy.Count(a => a.Status == 200 && a.At + a.Took <= Seconds) / Seconds;

    public double LaterExports => Heavy.Count(a => a.Status == 200 && a.At + a.Took <= Seconds && a.At + a.Took > Learning) / Math.Max(0.001, Seconds - Learning);

    public int EarlyKills => Kills.Count(at => at <= Learning);

    public int LateKills => Kills.Count - EarlyKills;

    public int LightFailed => Light.Count(a => a.Status != 200);

    public int HeavyRefused => Heavy.Count(a => a.Status == 503);

    public int HeavyFailed => Heavy.Count(a => a.Status is not (200 or 503));

    /// <summary>Of light requests that were due after so many seconds, in milliseconds.</summary>
    public double LightP(double share, double from = 0)
    {
        var took = Light.Where(a => a.At >= from).Select(a => a.Took).Order().ToArray();
        return took.Length == 0 ? 0 : took[Math.Min(took.Length - 1, (int)(took.Length * share))] * 1000;
    }

    public static void Print(TextWriter to, IReadOnlyList<MemoryRow> rows)
    {
        to.WriteLine("| arm | kills to 10 s | later | exports/s | after 10 s | refused | broken | light p50, ms | p99 | p99 after 10 s | light failed of | highest, MiB |");
        to.WriteLine("|---|---|---|---|---|---|---|---|---|---|---|---|");
        foreach (var r in rows)
        {
            to.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {r.Arm} | {r.EarlyKills} | {r.LateKills} | {r.Exports:0.0} | {r.LaterExports:0.0} | {r.HeavyRefused} | {r.HeavyFailed} | {r.LightP(0.5):0} | {r.LightP(0.99):0} | {r.LightP(0.99, Learning):0} | {r.LightFailed} of {r.Light.Count} | {r.HighestMi} |"));
        }

        foreach (var r in rows)
        {
            if (r.Kills.Count > 0) to.WriteLine($"{r.Arm}: kills at second {string.Join(' ', r.Kills.Take(20).Select(at => at.ToString("0.0", CultureInfo.InvariantCulture)))}");
            if (r.Told.Length > 0) to.WriteLine($"{r.Arm}: {r.Told}");
        }
    }
}
