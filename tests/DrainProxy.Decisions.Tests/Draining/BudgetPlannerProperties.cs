using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Decisions.Tests.Draining;

/// <summary>What holds for every request, however odd.</summary>
public class BudgetPlannerProperties
{
    private static readonly Gen<TimeSpan> AnyTime = Gen.OneOf(
        Gen.Choose(-2, 400).Select(s => TimeSpan.FromSeconds(s)),
        Gen.Choose(-10, 5_000).Select(ms => TimeSpan.FromMilliseconds(ms)),
        Gen.Choose(0, 20).Select(ticks => TimeSpan.FromTicks(ticks)));

    private static readonly Gen<TimeSpan?> AnyPart = Gen.OneOf(Gen.Constant<TimeSpan?>(null), AnyTime.Select(t => (TimeSpan?)t));

    internal static readonly Gen<BudgetRequest> Requests =
        from grace in AnyTime
        from lb in Gen.Elements(Enum.GetValues<LoadBalancer>())
        from linger in AnyPart
        from quiet in AnyTime
        from drain in AnyPart
        from announce in AnyTime
        from appStop in AnyPart
        select new BudgetRequest(grace, lb, linger, quiet, drain, announce, appStop);

    [Fact]
    public void Parts_fit_into_the_grace_with_a_margin() => Holds((_, plan) =>
        plan.Linger + plan.DrainTimeout + plan.Closing + plan.AppStop <= plan.Deadline
        && (plan.Deadline < plan.Grace || plan.Grace < TimeSpan.FromTicks(20)));

    [Fact]
    public void Nothing_is_negative() => Holds((_, plan) =>
        new[] { plan.Grace, plan.AnnounceDelay, plan.Linger, plan.Quiet, plan.DrainTimeout, plan.Closing, plan.AppStop }
            .All(part => part >= TimeSpan.Zero));

    [Fact]
    public void Deadlines_are_in_order() => Holds((_, plan) =>
        plan.AnnounceDelay <= plan.Linger && plan.Linger <= plan.DrainDeadline && plan.DrainDeadline <= plan.ClosingDeadline
        && plan.ClosingDeadline <= plan.Deadline && plan.Deadline <= plan.Grace);

    [Fact]
    public void Drain_of_the_user_is_cut_only_when_no_linger_is_left() => Holds((request, plan) =>
        request.DrainTimeout is not { } asked || plan.DrainTimeout >= asked || plan.Linger == TimeSpan.Zero);

    [Fact]
    public void Nothing_of_the_user_is_stretched() => Holds((request, plan) =>
        plan.Linger <= AtLeastZero(request.Linger) && plan.DrainTimeout <= AtLeastZero(request.DrainTimeout) && plan.AppStop <= AtLeastZero(request.AppStop));

    [Fact]
    public void Nothing_of_the_user_is_cut_in_silence() => Holds((request, plan) => plan.Warnings.Count > 0
        || (plan.Linger >= (request.Linger ?? Presets.Of(request.Lb).LingerFloor)
            && plan.DrainTimeout >= (request.DrainTimeout ?? TimeSpan.Zero)
            && plan.AppStop >= (request.AppStop ?? TimeSpan.Zero)
            && plan.AnnounceDelay >= request.AnnounceDelay));

    [Fact]
    public void Budget_is_used_up_when_the_drain_is_ours_to_plan() => Holds((request, plan) =>
        request.DrainTimeout is not null || plan.ClosingDeadline + plan.AppStop == plan.Deadline);

    [Fact]
    public void More_grace_never_gives_less() => Holds((request, plan) =>
    {
        var more = BudgetPlanner.Plan(request with { Grace = request.Grace + TimeSpan.FromSeconds(7) });
        return more.Linger >= plan.Linger && more.DrainDeadline >= plan.DrainDeadline && more.Deadline >= plan.Deadline;
    });

    private static TimeSpan AtLeastZero(TimeSpan? asked) => asked is not { } time ? TimeSpan.MaxValue : time < TimeSpan.Zero ? TimeSpan.Zero : time;

    private static void Holds(Func<BudgetRequest, DrainPlan, bool> property) =>
        Prop.ForAll(Requests.ToArbitrary(), request => property(request, BudgetPlanner.Plan(request)))
            .Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(2_000));
}
