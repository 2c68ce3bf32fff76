namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>A request that is watched one by one, because its route is heavy or not learned yet.</summary>
/// <param name="route">Its class.</param>
/// <param name="since">When it came.</param>
public class HeavyRequest(RouteClass route, TimeSpan since)
{
    /// <summary>Its class.</summary>
    public RouteClass Route => route;

    /// <summary>When it came.</summary>
    public TimeSpan Since => since;

    /// <summary>When it was given to the app.</summary>
    public TimeSpan AdmittedAt { get; internal set; }

    /// <summary>What was expected of it when it was let in, in bytes.</summary>
    public double ExpectedBytes { get; internal set; }

    /// <summary>By how much it made the app grow so far, as far as can be told, in bytes.</summary>
    public double GrownBytes { get; internal set; }

    /// <summary>No other request that may take memory ran beside it.</summary>
    internal bool Alone { get; set; }

    /// <summary>The part of what it took that was seen while no other watched request can have brought it, in bytes.</summary>
    internal double CleanBytes { get; set; }

    /// <summary>When it left the app.</summary>
    internal TimeSpan EndedAt { get; set; }

    /// <summary>All that the app grew while it was there, in bytes: it has taken no more than that, but for memory that was used again.</summary>
    internal double SeenBytes { get; set; }

    /// <summary>Readings while it was there.</summary>
    internal int Readings { get; set; }

    /// <summary>The longest time between two readings while it was there, where that was late; else zero.</summary>
    internal TimeSpan LateFor { get; set; }

    /// <summary>For half of its time or more nobody looked: what it took may have come and gone.</summary>
    internal bool Unseen => LateFor > TimeSpan.Zero && LateFor >= (EndedAt - AdmittedAt) / 2;

    /// <summary>The part of it that came in the second half of its usual time.</summary>
    internal double LateBytes { get; set; }

    /// <summary>What it may still take, in bytes: what is left of what was expected, and in the second half of its time no more than others took then.</summary>
    public double Remaining(TimeSpan now)
    {
        var left = Math.Max(0, ExpectedBytes - GrownBytes);
        return IsLate(now) ? Math.Min(left, ExpectedBytes * Math.Min(1, 2 * route.LateShare)) : left;
    }

    /// <summary>Whether half of the usual time of its class is over.</summary>
    internal bool IsLate(TimeSpan now) => route.Seconds > 0 && (now - AdmittedAt).TotalSeconds > route.Seconds / 2;
}
