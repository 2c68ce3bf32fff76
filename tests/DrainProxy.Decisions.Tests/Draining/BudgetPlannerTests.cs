using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Decisions.Tests.Draining;

public class BudgetPlannerTests
{
    [Fact]
    public void Defaults_of_30_s_hold_a_request_of_10_s_and_need_no_warning()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto));

        Assert.Empty(plan.Warnings);
        Assert.Equal(Seconds(10), plan.Linger);
        Assert.Equal(Seconds(3), plan.Quiet);
        Assert.Equal(Seconds(2), plan.Closing);
        Assert.Equal(Seconds(4.5), plan.AppStop);
        Assert.Equal(Seconds(12.5), plan.DrainTimeout);
        Assert.Equal(Seconds(22.5), plan.DrainDeadline);
        Assert.Equal(Seconds(24.5), plan.ClosingDeadline);
        Assert.Equal(Seconds(29), plan.Deadline);
    }

    [Theory]
    [InlineData(LoadBalancer.Alb, 30, 12)]
    [InlineData(LoadBalancer.Nlb, 30, 12)]
    [InlineData(LoadBalancer.Nlb, 60, 24)]
    [InlineData(LoadBalancer.Auto, 20, 8)]
    public void Linger_that_nobody_set_is_cut_to_two_fifths_of_a_short_grace_with_a_warning(LoadBalancer lb, double grace, double linger)
    {
        var plan = Plan(Request(grace, lb));

        Assert.Equal(Seconds(linger), plan.Linger);
        var warning = Assert.Single(plan.Warnings);
        Assert.Contains(lb.ToString().ToLowerInvariant(), warning);
    }

    [Fact]
    public void Grace_that_a_warning_asks_for_is_enough()
    {
        foreach (var lb in Enum.GetValues<LoadBalancer>())
        {
            var floor = Presets.Of(lb).LingerFloor;
            var asked = Math.Max(30, Math.Ceiling(floor.TotalSeconds / 0.4));
            var plan = Plan(Request(asked, lb));
            Assert.Equal(floor, plan.Linger);
            Assert.Empty(plan.Warnings);
            if (asked > 30) Assert.Contains($"grace {asked} s would do", Plan(Request(30, lb)).Warnings[0]);
        }
    }

    [Fact]
    public void Linger_of_the_user_is_not_cut_to_a_share()
    {
        var plan = Plan(Request(30, LoadBalancer.Alb) with { Linger = Seconds(19) });

        Assert.Equal(Seconds(19), plan.Linger);
        Assert.Equal(Seconds(3.5), plan.DrainTimeout);
        Assert.Empty(plan.Warnings);
    }

    [Fact]
    public void Linger_gives_way_before_the_drain()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto) with { Linger = Seconds(15), DrainTimeout = Seconds(20) });

        Assert.Equal(Seconds(20), plan.DrainTimeout);
        Assert.Equal(Seconds(2.5), plan.Linger);
        Assert.StartsWith("linger 15 s does not fit", Assert.Single(plan.Warnings));
    }

    [Fact]
    public void Drain_is_cut_when_it_does_not_fit_even_without_linger()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto) with { Linger = Seconds(15), DrainTimeout = Seconds(60) });

        Assert.Equal(TimeSpan.Zero, plan.Linger);
        Assert.Equal(Seconds(22.5), plan.DrainTimeout);
        Assert.Collection(plan.Warnings, w => Assert.StartsWith("drain-timeout 60 s", w), w => Assert.StartsWith("linger 15 s", w));
    }

    [Fact]
    public void Linger_of_the_whole_grace_leaves_the_drain_room_for_its_evidence()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto) with { Linger = Seconds(30) });

        Assert.Equal(plan.Quiet, plan.DrainTimeout);
        Assert.Equal(Seconds(19.5), plan.Linger);
        Assert.StartsWith("linger 30 s", Assert.Single(plan.Warnings));
    }

    [Fact]
    public void Short_parts_of_the_user_are_kept_and_the_rest_stays_unused()
    {
        var plan = Plan(Request(60, LoadBalancer.Auto) with { Linger = Seconds(1), DrainTimeout = Seconds(5), AppStop = Seconds(2) });

        Assert.Empty(plan.Warnings);
        Assert.Equal((Seconds(1), Seconds(5), Seconds(2)), (plan.Linger, plan.DrainTimeout, plan.AppStop));
        Assert.Equal(Seconds(8), plan.ClosingDeadline);
        Assert.Equal(Seconds(59), plan.Deadline);
    }

    [Fact]
    public void App_stop_beyond_the_grace_is_cut_with_a_warning()
    {
        var plan = Plan(Request(10, LoadBalancer.None) with { AppStop = Seconds(30) });

        Assert.Equal(Seconds(8.5), plan.AppStop);
        Assert.Equal(TimeSpan.Zero, plan.Linger + plan.DrainTimeout);
        Assert.Contains(plan.Warnings, w => w.StartsWith("app-stop 30 s", StringComparison.Ordinal));
    }

    [Fact]
    public void Announcement_comes_within_the_linger()
    {
        var asked = Request(30, LoadBalancer.Auto) with { AnnounceDelay = Seconds(4) };
        Assert.Equal(Seconds(4), Plan(asked).AnnounceDelay);
        Assert.Empty(Plan(asked).Warnings);

        var cut = Plan(asked with { Linger = Seconds(2) });
        Assert.Equal(Seconds(2), cut.AnnounceDelay);
        Assert.StartsWith("announce-delay 4 s", Assert.Single(cut.Warnings));
    }

    [Fact]
    public void Quiet_time_that_the_drain_cannot_hold_is_warned_of()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto) with { Quiet = Seconds(15) });

        Assert.Equal(Seconds(15), plan.Quiet);
        Assert.StartsWith("quiet 15 s", Assert.Single(plan.Warnings));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    [InlineData(0.0000001)]
    [InlineData(0.001)]
    [InlineData(1)]
    [InlineData(2)]
    public void Tiny_graces_give_a_plan_that_fits(double grace)
    {
        var plan = Plan(Request(grace, LoadBalancer.Nlb));

        Assert.NotEmpty(plan.Warnings);
        Assert.Equal(Seconds(Math.Max(0, grace)), plan.Grace);
        Assert.True(plan.ClosingDeadline + plan.AppStop <= plan.Deadline && plan.Deadline <= plan.Grace);
        if (grace >= 1) Assert.All([plan.Linger, plan.DrainTimeout, plan.Closing, plan.AppStop], part => Assert.True(part > TimeSpan.Zero));
    }

    [Fact]
    public void Longest_request_is_warned_of_from_the_first_moment_that_does_not_fit()
    {
        var plan = Plan(Request(30, LoadBalancer.Auto));
        var fits = plan.DrainTimeout + plan.Closing;

        Assert.Null(BudgetPlanner.LongestRequestWarning(plan, TimeSpan.Zero));
        Assert.Null(BudgetPlanner.LongestRequestWarning(plan, fits));
        Assert.Contains("by at least 1 s", BudgetPlanner.LongestRequestWarning(plan, fits + TimeSpan.FromTicks(1)));
        Assert.Contains("took 60 s", BudgetPlanner.LongestRequestWarning(plan, Seconds(60)));
    }

    private static BudgetRequest Request(double grace, LoadBalancer lb) => new(Seconds(grace), lb, null, Seconds(3), null, TimeSpan.Zero, null);

    private static DrainPlan Plan(BudgetRequest request) => BudgetPlanner.Plan(request);

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
