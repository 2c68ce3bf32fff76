namespace DrainProxy.Decisions.Draining;

/// <summary>What was seen of one termination; times after t0.</summary>
/// <param name="LongestRequest">Longest exchange of the process's life, endless streams left out.</param>
/// <param name="LongestGap">Longest pause between two arrivals after t0, the one before the first included.</param>
public sealed record TerminationFacts(
    TimeSpan? LastNewConnection, TimeSpan? LastRequest, TimeSpan? LastByte, TimeSpan Total, long CutInFlight, TimeSpan LongestRequest,
    TimeSpan LongestGap, long Lost);

/// <summary>Settings that would have been enough, in whole seconds.</summary>
public sealed record RecommendedBudget(TimeSpan Linger, TimeSpan Quiet, TimeSpan Grace);

/// <summary>Turns what was seen into settings: nobody else can tell which sleep value is right.</summary>
public static class Recommendation
{
    /// <summary>One termination is a small sample: this much more than was seen.</summary>
    private const double Margin = 1.2;
    private static readonly TimeSpan LeastQuiet = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Linger reaches beyond the last arrival, quiet beyond the longest pause between arrivals (but quiet longer than linger proves
    /// nothing that linger does not), grace holds both, the longest request, closing and the app's stop.
    /// </summary>
    public static RecommendedBudget From(TerminationFacts facts, DrainPlan plan)
    {
        var lastArrival = Max(facts.LastRequest ?? TimeSpan.Zero, facts.LastNewConnection ?? TimeSpan.Zero);
        var linger = RoundUp(lastArrival * Margin);
        var quiet = RoundUp(Max(facts.LongestGap * Margin, LeastQuiet));
        var settle = Max(quiet, facts.LongestRequest * Margin);
        var grace = RoundUp((linger + settle + plan.Closing + plan.AppStop) / 0.95);
        if (facts.CutInFlight > 0) grace = Max(grace, RoundUp(plan.Grace * 1.5));
        return new(linger, quiet, grace);
    }

    private static TimeSpan RoundUp(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
