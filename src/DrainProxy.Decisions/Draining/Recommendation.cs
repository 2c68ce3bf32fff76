namespace DrainProxy.Decisions.Draining;

/// <summary>What was seen of one termination; times after t0.</summary>
/// <param name="LongestRequest">Longest exchange of the process's life, endless streams left out.</param>
/// <param name="LongestGap">Longest pause between two arrivals after t0, the one before the first included.</param>
public sealed record TerminationFacts(
    TimeSpan? LastNewConnection, TimeSpan? LastRequest, TimeSpan? LastByte, TimeSpan Total, long CutInFlight, TimeSpan LongestRequest,
    TimeSpan LongestGap, long Lost);

/// <summary>Settings that would have been enough, in whole seconds.</summary>
public sealed record RecommendedBudget(TimeSpan Linger, TimeSpan Quiet, TimeSpan Grace);

/// <summary>
/// Turns what was seen into settings: nobody else can tell which sleep value is right. It may be less than was set, since traffic seen to
/// its end shows how late this load balancer really is. A termination without traffic shows nothing: linger and quiet stay as planned.
/// </summary>
public static class Recommendation
{
    /// <summary>One termination is a small sample: a quarter more than was seen, a second at least.</summary>
    private const double Margin = 0.25;
    private static readonly TimeSpan LeastMargin = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Linger reaches beyond the last arrival, quiet beyond the longest pause between arrivals, grace holds linger, then the quiet time or
    /// the longest request, then closing and the app's stop: planned with again, nothing of it is cut.
    /// </summary>
    public static RecommendedBudget From(TerminationFacts facts, DrainPlan plan)
    {
        var arrival = LastArrival(facts);
        var linger = BudgetPlanner.RoundUp(arrival is { } last ? WithMargin(last) : plan.Linger);
        var quiet = BudgetPlanner.RoundUp(arrival is null ? plan.Quiet : WithMargin(facts.LongestGap));
        var drain = Max(quiet, facts.LongestRequest > TimeSpan.Zero ? WithMargin(facts.LongestRequest) : TimeSpan.Zero);

        // How long a request that was cut would have run is not known: twice the time it can have had. The next report corrects the guess.
        if (facts.CutInFlight > 0) drain = Max(drain, 2 * (plan.DrainTimeout + plan.Closing));

        // The planner's own parts at their largest, since they grow with the grace.
        var appStop = plan.AppStop == BudgetPlanner.DefaultAppStop(plan.Grace) ? BudgetPlanner.MaxAppStop : plan.AppStop;
        return new(linger, quiet, BudgetPlanner.RoundUp(linger + drain + BudgetPlanner.MaxClosing + appStop + BudgetPlanner.MaxMargin));
    }

    /// <summary>
    /// When the last arrival was seen, null for none. What was lost without being cut may have come when we were closed already: the
    /// end of the termination is the latest moment that we could see it.
    /// </summary>
    private static TimeSpan? LastArrival(TerminationFacts facts)
    {
        TimeSpan? last = facts.Lost > facts.CutInFlight ? facts.Total : null;
        foreach (var seen in new[] { facts.LastRequest, facts.LastNewConnection })
        {
            if (seen is { } at && (last is null || at > last)) last = at;
        }

        return last;
    }

    private static TimeSpan WithMargin(TimeSpan time) => time + Max(time * Margin, LeastMargin);

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;
}
