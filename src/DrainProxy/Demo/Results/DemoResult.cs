using DrainProxy.Demo.Load;

namespace DrainProxy.Demo.Results;

/// <summary>One row: the same scenario played both ways.</summary>
internal sealed record ScenarioResult(string Scenario, Outcome BareApp, Outcome BehindDrainProxy);

/// <summary>The demo's outcome.</summary>
internal sealed record DemoResult(IReadOnlyList<ScenarioResult> Scenarios, TimeSpan Took)
{
    public int LostByDrainProxy => Scenarios.Sum(row => row.BehindDrainProxy.Failed);

    /// <summary>Rows that show nothing, since an arm saw no request at all.</summary>
    public bool Empty => Scenarios.Count == 0 || Scenarios.Any(row => row.BareApp.Requests == 0 || row.BehindDrainProxy.Requests == 0);

    /// <summary>1 when DrainProxy lost a request, or when nothing was shown.</summary>
    public int ExitCode => LostByDrainProxy > 0 || Empty ? 1 : 0;

    public string Verdict
    {
        get
        {
            if (Empty)
                return "An arm saw no request at all: this run proves nothing.";
            if (LostByDrainProxy > 0)
                return $"DrainProxy lost {LostByDrainProxy} {(LostByDrainProxy == 1 ? "request" : "requests")}.";
            var unproven = Scenarios.Where(row => row.BareApp.Failed == 0).Select(row => row.Scenario).ToList();
            return unproven.Count == 0
                ? "DrainProxy lost no request."
                : $"DrainProxy lost no request; but neither did the bare app in: {string.Join(", ", unproven)}, so that row proves nothing.";
        }
    }
}
