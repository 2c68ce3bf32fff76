using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Decisions.Tests.Draining;

public class RecommendationTests
{
    private static readonly DrainPlan Plan = PlanOf(30);
    private static readonly TerminationFacts Nothing = new(null, null, null, Seconds(15), 0, TimeSpan.Zero, TimeSpan.Zero, 0);

    [Fact]
    public void Termination_without_traffic_leaves_linger_and_quiet_as_planned()
    {
        var recommended = Recommendation.From(Nothing, Plan);
        Assert.Equal((Plan.Linger, Plan.Quiet), (recommended.Linger, recommended.Quiet));
    }

    [Fact]
    public void Linger_reaches_beyond_the_last_arrival_with_a_margin()
    {
        var facts = Nothing with { LastNewConnection = Seconds(9), LastRequest = Seconds(20.1), LastByte = Seconds(25), LongestGap = Seconds(0.2) };
        var recommended = Recommendation.From(facts, Plan);

        Assert.Equal(Seconds(26), recommended.Linger);
        Assert.Equal(Seconds(2), recommended.Quiet);

        var byConnection = Recommendation.From(facts with { LastNewConnection = Seconds(40) }, Plan);
        Assert.Equal(Seconds(50), byConnection.Linger);
    }

    [Fact]
    public void Early_end_of_traffic_recommends_less_than_was_planned()
    {
        var recommended = Recommendation.From(Nothing with { LastRequest = Seconds(1.2) }, Plan);
        Assert.Equal(Seconds(3), recommended.Linger);
        Assert.True(recommended.Grace < Plan.Grace);
    }

    [Fact]
    public void Quiet_is_longer_than_the_longest_pause()
    {
        Assert.Equal(Seconds(10), Recommendation.From(Nothing with { LastRequest = Seconds(8), LongestGap = Seconds(8) }, Plan).Quiet);
        Assert.Equal(Seconds(2), Recommendation.From(Nothing with { LastRequest = Seconds(8), LongestGap = Seconds(1) }, Plan).Quiet);
    }

    [Fact]
    public void Cut_requests_ask_for_more_grace_than_there_was()
    {
        var busy = Nothing with { LastRequest = Seconds(10), LongestRequest = Seconds(1) };
        var cut = Recommendation.From(busy with { CutInFlight = 1, Lost = 1 }, Plan);

        Assert.True(cut.Grace > Plan.Grace);
        Assert.True(Recommendation.From(busy, Plan).Grace < cut.Grace);
        Assert.Equal(Recommendation.From(busy, Plan).Linger, cut.Linger);
    }

    [Fact]
    public void Late_losses_lengthen_the_linger_to_the_end_of_what_was_seen()
    {
        var lost = Recommendation.From(Nothing with { LastRequest = Seconds(2), Total = Seconds(14), Lost = 1 }, Plan);
        Assert.Equal(Seconds(18), lost.Linger);
    }

    [Fact]
    public void Recommendation_holds_when_planned_with_again()
    {
        var cases =
            from grace in Gen.Choose(0, 300)
            from appStop in Gen.OneOf(Gen.Constant(-1), Gen.Choose(0, 20))
            from t in Gen.Choose(0, 120_000).ArrayOf(5)
            from counts in Gen.Choose(0, 2).ArrayOf(2)
            from idle in Gen.Elements(true, false)
            select (
                Plan: PlanOf(grace, appStop < 0 ? null : Seconds(appStop)),
                Facts: new TerminationFacts(idle ? null : Ms(t[0]), idle ? null : Ms(t[1]), Ms(t[2]), Ms(t[2]), counts[0], Ms(t[3]), Ms(t[4]), counts[0] + counts[1]));

        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var r = Recommendation.From(c.Facts, c.Plan);
            var userAppStop = c.Plan.AppStop == PlanOf(c.Plan.Grace.TotalSeconds).AppStop ? (TimeSpan?)null : c.Plan.AppStop;
            var again = BudgetPlanner.Plan(new(r.Grace, LoadBalancer.None, r.Linger, r.Quiet, null, TimeSpan.Zero, userAppStop));
            return again.Warnings.Count == 0
                && again.Linger == r.Linger
                && again.DrainTimeout >= r.Quiet
                && BudgetPlanner.LongestRequestWarning(again, c.Facts.LongestRequest) is null
                && (c.Facts.LastRequest is null || (r.Quiet > c.Facts.LongestGap && r.Linger > c.Facts.LastRequest && r.Linger > c.Facts.LastNewConnection))
                && new[] { r.Linger, r.Quiet, r.Grace }.All(t => t >= TimeSpan.Zero && t.Ticks % TimeSpan.TicksPerSecond == 0);
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(2_000));
    }

    private static DrainPlan PlanOf(double grace, TimeSpan? appStop = null) =>
        BudgetPlanner.Plan(new(Seconds(grace), LoadBalancer.Auto, null, Seconds(3), null, TimeSpan.Zero, appStop));

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static TimeSpan Ms(int milliseconds) => TimeSpan.FromMilliseconds(milliseconds);
}
