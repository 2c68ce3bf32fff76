using System.Text.Json.Nodes;
using DrainProxy.Decisions.Draining;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>The pod's grace: what it has, and what the drain needs.</summary>
internal static class GraceBudget
{
    /// <summary>Kubernetes' default of terminationGracePeriodSeconds.</summary>
    public static readonly TimeSpan Default = TimeSpan.FromSeconds(30);

    /// <summary>The longest that is asked for; a day is the longest of the settings.</summary>
    private const int Longest = 86_400;

    /// <summary>DrainProxy's default of quiet.</summary>
    private static readonly TimeSpan Quiet = TimeSpan.FromSeconds(3);

    public static TimeSpan Of(JsonObject pod) =>
        pod.Object("spec").Whole("terminationGracePeriodSeconds") is { } seconds ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, Longest)) : Default;

    /// <summary>The shortest grace in whole seconds, not below <paramref name="given"/>, in which every part fits uncut.</summary>
    /// <param name="options">The parts that the pod asks for.</param>
    /// <param name="linger">null: the preset's.</param>
    public static TimeSpan Needed(TimeSpan given, PodOptions options, TimeSpan? linger)
    {
        var (low, high) = ((int)Math.Ceiling(given.TotalSeconds), Longest);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (Fits(TimeSpan.FromSeconds(middle), options, linger)) high = middle;
            else low = middle + 1;
        }

        return TimeSpan.FromSeconds(low);
    }

    public static DrainPlan Plan(TimeSpan grace, PodOptions options, TimeSpan? linger) =>
        BudgetPlanner.Plan(new(grace, options.Lb, linger, Quiet, options.DrainTimeout, TimeSpan.Zero, options.AppStop));

    private static bool Fits(TimeSpan grace, PodOptions options, TimeSpan? linger)
    {
        var plan = Plan(grace, options, linger);
        var floor = linger ?? DrainProxy.Decisions.KeepAlive.Presets.Of(options.Lb).LingerFloor;
        return plan.Linger >= floor && plan.DrainTimeout >= (options.DrainTimeout ?? Quiet) && plan.AppStop >= (options.AppStop ?? TimeSpan.Zero);
    }
}
