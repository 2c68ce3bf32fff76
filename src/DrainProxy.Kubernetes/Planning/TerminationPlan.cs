using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Kubernetes.Planning;

/// <summary>A drain planned before there is a pod.</summary>
/// <param name="Request">What was asked; its grace is the one planned with.</param>
/// <param name="Longest">The longest request that is to be finished; null: not said.</param>
/// <param name="Warnings">What does not fit.</param>
public sealed record TerminationPlan(BudgetRequest Request, DrainPlan Parts, TimeSpan? Longest, IReadOnlyList<string> Warnings)
{
    /// <summary>Kubernetes' own default: nothing is won by less.</summary>
    private const int ShortestGrace = 30;

    /// <summary>The longest of the settings.</summary>
    private const int LongestGrace = 86_400;

    public LoadBalancerPreset Lb => Presets.Of(Request.Lb);

    /// <summary>Plans with the grace of the request.</summary>
    public static TerminationPlan With(BudgetRequest request, TimeSpan? longest)
    {
        var parts = BudgetPlanner.Plan(request);
        var tooLong = longest is { } time ? BudgetPlanner.LongestRequestWarning(parts, time) : null;
        return new(request, parts, longest, tooLong is null ? parts.Warnings : [.. parts.Warnings, tooLong]);
    }

    /// <summary>Plans with the shortest grace, in whole seconds and at least 30, that needs no more warnings than a whole day would.</summary>
    public static TerminationPlan WithEnoughGrace(BudgetRequest request, TimeSpan? longest)
    {
        TerminationPlan Of(int seconds) => With(request with { Grace = TimeSpan.FromSeconds(seconds) }, longest);
        var (low, high) = (ShortestGrace, LongestGrace);
        var unavoidable = Of(high).Warnings.Count;
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (Of(middle).Warnings.Count <= unavoidable) high = middle;
            else low = middle + 1;
        }

        return Of(low);
    }

    /// <summary>The phases in their order with the seconds at which they begin at the latest.</summary>
    internal IReadOnlyList<(string Phase, TimeSpan Start, TimeSpan End, string What)> Timeline =>
    [
        ("lingering", TimeSpan.Zero, Parts.Linger, "SIGTERM or preStop. Everything is accepted and served; answers say Connection: close; /readyz is 503"),
        ("draining", Parts.Linger, Parts.DrainDeadline, $"until nothing is in flight and nothing new has come for {Seconds(Parts.Quiet)}: this is the latest end"),
        ("closing", Parts.DrainDeadline, Parts.ClosingDeadline, "idle connections are half-closed and read on; then what is in flight is cut"),
        ("app stop", Parts.ClosingDeadline, Parts.ClosingDeadline + Parts.AppStop, "drained: /drain/wait answers, the app gets its SIGTERM"),
        ("margin", Parts.ClosingDeadline + Parts.AppStop, Parts.Grace, "the processes are gone; at its end the kubelet sends SIGKILL"),
    ];

    internal static string Seconds(TimeSpan time) => FormattableString.Invariant($"{time.TotalSeconds:0.###} s");

    internal string LbName => Request.Lb.ToString().ToLowerInvariant();
}
