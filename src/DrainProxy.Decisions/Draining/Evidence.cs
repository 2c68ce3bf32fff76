namespace DrainProxy.Decisions.Draining;

/// <summary>What is known of the traffic. Times are since the process started.</summary>
/// <param name="InFlight">Requests and open streams. Connections do not count: a load balancer may keep idle ones for ever.</param>
/// <param name="LastConnection">When the newest connection came; t0 when none came since.</param>
/// <param name="LastRequest">When the newest request came; t0 when none came since.</param>
/// <param name="AcceptQueue">Connections that the kernel has accepted and we have not; 0 or less where it does not tell.</param>
public readonly record struct TrafficEvidence(long InFlight, TimeSpan LastConnection, TimeSpan LastRequest, int AcceptQueue);

/// <summary>Whether traffic is gone.</summary>
public static class Evidence
{
    /// <summary>How soon to look again when only the end of a request, or an accept, can change the answer.</summary>
    private static readonly TimeSpan Recheck = TimeSpan.FromMilliseconds(50);

    /// <summary>Nothing in flight, nothing waiting to be accepted, and no arrival for <paramref name="quiet"/>.</summary>
    public static bool TrafficGone(TrafficEvidence evidence, TimeSpan quiet, TimeSpan now) =>
        !Busy(evidence) && QuietAt(evidence, quiet) <= now;

    /// <summary>
    /// How long until <see cref="TrafficGone"/> could be true at the earliest, if nothing else arrives; zero exactly when it is true now.
    /// </summary>
    public static TimeSpan WaitHint(TrafficEvidence evidence, TimeSpan quiet, TimeSpan now)
    {
        var wait = QuietAt(evidence, quiet) - now;
        if (wait > TimeSpan.Zero) return wait;
        return Busy(evidence) ? Recheck : TimeSpan.Zero;
    }

    private static bool Busy(TrafficEvidence evidence) => evidence.InFlight > 0 || evidence.AcceptQueue > 0;

    private static TimeSpan QuietAt(TrafficEvidence evidence, TimeSpan quiet) =>
        (evidence.LastConnection > evidence.LastRequest ? evidence.LastConnection : evidence.LastRequest) + quiet;
}

/// <summary>Closes many connections one after the other instead of at one moment, so that peers do not all reconnect at once.</summary>
public static class ClosingSpread
{
    /// <summary>When the <paramref name="index"/>-th of <paramref name="count"/> is due, from the window's start: evenly, the first at once.</summary>
    public static TimeSpan Offset(int index, int count, TimeSpan window) =>
        count <= 1 || window <= TimeSpan.Zero ? TimeSpan.Zero : window * ((double)Math.Clamp(index, 0, count - 1) / count);
}
