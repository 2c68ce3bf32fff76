using System.Globalization;
using System.Text;
using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Results;

/// <summary>The table that the demo ends with, as plain text: the same on a terminal, in a file and in a CI log.</summary>
internal static class ResultTable
{
    private static readonly string[] Columns = ["requests", "failed", "failed %", "longest wait"];

    public static string Render(DemoResult result)
    {
        var nameWidth = result.Scenarios.Select(row => row.Scenario.Length).Append("scenario".Length).Max();
        var armWidth = Columns.Sum(column => column.Length) + (2 * (Columns.Length - 1));
        var text = new StringBuilder();
        Line(text, "".PadRight(nameWidth), "bare app".PadRight(armWidth), "behind DrainProxy");
        Line(text, "scenario".PadRight(nameWidth), string.Join("  ", Columns), string.Join("  ", Columns));
        Line(text, new string('-', nameWidth), new string('-', armWidth), new string('-', armWidth));
        foreach (var row in result.Scenarios)
            Line(text, row.Scenario.PadRight(nameWidth), Cells(row.BareApp), Cells(row.BehindDrainProxy));
        return text.ToString();
    }

    /// <summary>What the failures were, by arm, and how often an app was killed for its memory; empty when there were none.</summary>
    public static string RenderFailures(DemoResult result)
    {
        var text = new StringBuilder();
        foreach (var row in result.Scenarios)
        {
            Failures(text, row.Scenario, "bare app", row.BareApp);
            Failures(text, row.Scenario, "behind DrainProxy", row.BehindDrainProxy);
        }

        return text.ToString();
    }

    /// <summary>One lost request of many never reads as none.</summary>
    public static string Percent(Outcome outcome) => outcome switch
    {
        { Failed: > 0, FailedPercent: < 0.01 } => "<0.01",
        _ => outcome.FailedPercent.ToString("0.00", CultureInfo.InvariantCulture),
    };

    private static string Cells(Outcome outcome) => string.Join(
        "  ",
        outcome.Requests.ToString(CultureInfo.InvariantCulture).PadLeft(Columns[0].Length),
        outcome.Failed.ToString(CultureInfo.InvariantCulture).PadLeft(Columns[1].Length),
        Percent(outcome).PadLeft(Columns[2].Length),
        $"{outcome.LongestWait.TotalSeconds.ToString("0.00", CultureInfo.InvariantCulture)} s".PadLeft(Columns[3].Length));

    private static void Failures(StringBuilder text, string scenario, string arm, Outcome outcome)
    {
        foreach (var (reason, count) in outcome.Failures)
            text.Append(CultureInfo.InvariantCulture, $"{scenario}, {arm}: {count} x {reason}\n");
        if (outcome.Kills > 0)
            text.Append(CultureInfo.InvariantCulture, $"{scenario}, {arm}: the app was killed {outcome.Kills} x for its memory\n");
    }

    private static void Line(StringBuilder text, string name, string bare, string behind) =>
        text.Append($"{name} | {bare} | {behind}".TrimEnd()).Append('\n');
}
