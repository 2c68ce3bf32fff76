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
}
