namespace DrainProxy.Decisions.Pressure.BlackBox;

/// <summary>How it is known that the OOM killer was there.</summary>
public enum OomEvidence
{
    /// <summary>The kernel's counter went up.</summary>
    Counter,

    /// <summary>The app's process vanished near its limit with requests under way, where no counter is visible any more.</summary>
    Vanished,
}

/// <summary>The class of requests that most of the growth before a kill goes back to.</summary>
/// <param name="Route">Its name.</param>
/// <param name="Share">Its share of the growth, 0 to 1.</param>
public readonly record struct OomCulprit(string Route, double Share);

/// <summary>A point of the memory curve.</summary>
/// <param name="Ago">How long before the kill was seen.</param>
/// <param name="UsedBytes">The highest use around then, in bytes.</param>
public readonly record struct CurvePoint(TimeSpan Ago, long UsedBytes);

/// <summary>One visit of the OOM killer: what the event `app_oom_kill` says.</summary>
/// <param name="At">When the first kill was seen; monotonic time since the program's start.</param>
/// <param name="Kills">Processes killed, as the kernel counts.</param>
/// <param name="Evidence">How it is known.</param>
/// <param name="LimitBytes">The limit that held.</param>
/// <param name="Culprit">Whom the growth goes back to; null when memory grew without requests that are watched.</param>
/// <param name="InFlight">The fullest set of requests in the second before.</param>
/// <param name="MemoryCurve">The seconds before, oldest first.</param>
/// <param name="Advice">What to do about it, in one sentence or two.</param>
public sealed record OomIncident(
    TimeSpan At, long Kills, OomEvidence Evidence, long LimitBytes, OomCulprit? Culprit, IReadOnlyList<InFlightRequest> InFlight,
    IReadOnlyList<CurvePoint> MemoryCurve, string Advice);
