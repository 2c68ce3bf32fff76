using System.Globalization;
using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Decisions.Draining;

/// <summary>What the user gives; null parts are planned.</summary>
/// <param name="Grace">terminationGracePeriodSeconds: the whole budget, from t0 on.</param>
/// <param name="Lb">Its preset gives the floor of the linger time.</param>
public sealed record BudgetRequest(
    TimeSpan Grace, LoadBalancer Lb, TimeSpan? Linger, TimeSpan Quiet, TimeSpan? DrainTimeout, TimeSpan AnnounceDelay, TimeSpan? AppStop);

/// <summary>
/// How the grace period is spent: linger, then drain, then closing, then the app's stop, then a margin in which the process is gone.
/// Linger + DrainTimeout + Closing + AppStop is at most Deadline, and nothing is negative.
/// <code>
/// t0 ──Linger── LingerOver ──DrainTimeout── DrainDeadline ──Closing── ClosingDeadline ──AppStop── … Deadline ──margin── Grace: SIGKILL
/// </code>
/// </summary>
public sealed record DrainPlan(
    TimeSpan Grace, TimeSpan AnnounceDelay, TimeSpan Linger, TimeSpan Quiet, TimeSpan DrainTimeout, TimeSpan Closing, TimeSpan AppStop,
    IReadOnlyList<string> Warnings)
{
    /// <summary>Time after t0 at which waiting for evidence ends.</summary>
    public TimeSpan DrainDeadline => Linger + DrainTimeout;

    /// <summary>Time after t0 at which what is still in flight is cut.</summary>
    public TimeSpan ClosingDeadline => DrainDeadline + Closing;

    /// <summary>Time after t0 at which the process must be gone, whatever happened: the kubelet's SIGKILL comes at <see cref="Grace"/>.</summary>
    public TimeSpan Deadline => Grace - BudgetPlanner.MarginOf(Grace);
}

/// <summary>Derives the parts of the budget, so that nothing is left to a framework's default.</summary>
public static class BudgetPlanner
{
    /// <summary>Share of the grace that linger may take when the user did not set it (contract).</summary>
    private const double LingerShare = 0.4;

    /// <summary>An app whose requests are all answered stops within this, as a rule.</summary>
    internal static readonly TimeSpan MaxAppStop = TimeSpan.FromSeconds(5);

    /// <summary>Long enough to spread the closes and to see the peers' FINs.</summary>
    internal static readonly TimeSpan MaxClosing = TimeSpan.FromSeconds(2);

    /// <summary>For the exit itself: report, last writes, a starved CPU.</summary>
    internal static readonly TimeSpan MaxMargin = TimeSpan.FromSeconds(1);

    /// <summary>The plan for a request; parts that do not fit are cut, linger before drain, each with a warning.</summary>
    public static DrainPlan Plan(BudgetRequest request)
    {
        var warnings = new List<string>();
        var grace = AtLeastZero(request.Grace);
        if (grace < TimeSpan.FromSeconds(1)) warnings.Add($"grace {Text(grace)} leaves no time to drain: requests will be lost");
        var closing = Min(MaxClosing, grace * 0.1);
        var appStop = AtLeastZero(request.AppStop ?? DefaultAppStop(grace));
        var left = grace - MarginOf(grace) - closing;
        if (appStop > left)
        {
            warnings.Add($"app-stop {Text(appStop)} does not fit into grace {Text(grace)}: cut to {Text(left)}, nothing is left for linger and drain");
            appStop = left;
        }

        left -= appStop;
        var quiet = AtLeastZero(request.Quiet);
        var linger = AtLeastZero(request.Linger ?? PlannedLinger(request.Lb, grace, warnings));

        // A drain that nobody set still needs room for its evidence, within reason: a linger of the whole budget must not leave it none.
        var drain = AtLeastZero(request.DrainTimeout ?? Max(left - linger, Min(left, Min(quiet, grace * 0.1))));
        if (drain > left)
        {
            warnings.Add($"drain-timeout {Text(drain)} does not fit into grace {Text(grace)}: cut to {Text(left)}");
            drain = left;
        }

        if (linger + drain > left)
        {
            var fits = left - drain;
            warnings.Add($"linger {Text(linger)} does not fit into grace {Text(grace)} beside the other parts: cut to {Text(fits)}; "
                + $"raise grace by {Text(RoundUp(linger - fits))}");
            linger = fits;
        }

        if (quiet > drain && grace > TimeSpan.Zero)
            warnings.Add($"quiet {Text(quiet)} is longer than the drain of {Text(drain)}: the deadline ends it, not evidence; raise grace");

        // To announce earlier is always safe; after the linger connections are closed, and an unannounced close is what costs requests.
        var announce = Min(AtLeastZero(request.AnnounceDelay), linger);
        if (announce < request.AnnounceDelay)
            warnings.Add($"announce-delay {Text(request.AnnounceDelay)} is longer than linger: cut to {Text(announce)}");
        return new(grace, announce, linger, quiet, drain, closing, appStop, warnings);
    }

    /// <summary>A warning when the longest request seen would not fit behind the linger time; null when it fits.</summary>
    public static string? LongestRequestWarning(DrainPlan plan, TimeSpan longestSeen)
    {
        if (longestSeen <= plan.DrainTimeout + plan.Closing) return null;
        var missing = RoundUp(longestSeen - plan.DrainTimeout - plan.Closing);
        return $"the longest request took {Text(longestSeen)}, the drain has {Text(plan.DrainTimeout + plan.Closing)}: "
            + $"one that begins at the end of linger would be cut; raise grace (and drain-timeout, where it is set) by at least {Text(missing)}";
    }

    /// <summary>How long before the end of <paramref name="grace"/> the process must be gone.</summary>
    internal static TimeSpan MarginOf(TimeSpan grace) => Min(MaxMargin, grace * 0.05);

    /// <summary>The app's share where nobody set it.</summary>
    internal static TimeSpan DefaultAppStop(TimeSpan grace) => Min(MaxAppStop, grace * 0.15);

    private static TimeSpan PlannedLinger(LoadBalancer lb, TimeSpan grace, List<string> warnings)
    {
        var floor = Presets.Of(lb).LingerFloor;
        var most = grace * LingerShare;
        if (floor <= most) return floor;
        warnings.Add(
            $"grace {Text(grace)} is short for load balancer {lb.ToString().ToLowerInvariant()}: linger is {Text(most)} of the {Text(floor)} "
            + $"that late endpoint updates need; grace {Text(RoundUp(floor / LingerShare))} would do");
        return most;
    }

    /// <summary>To whole seconds, as manifests have them.</summary>
    internal static TimeSpan RoundUp(TimeSpan time) => TimeSpan.FromSeconds(Math.Ceiling(time.TotalSeconds));

    private static TimeSpan AtLeastZero(TimeSpan time) => time < TimeSpan.Zero ? TimeSpan.Zero : time;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Max(TimeSpan a, TimeSpan b) => a > b ? a : b;

    private static string Text(TimeSpan time) => time.TotalSeconds.ToString("0.###", CultureInfo.InvariantCulture) + " s";
}
