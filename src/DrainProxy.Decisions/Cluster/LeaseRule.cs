namespace DrainProxy.Decisions.Cluster;

/// <summary>What a replica does about the Lease now.</summary>
public enum LeaseStep
{
    /// <summary>It is somebody else's and alive.</summary>
    Wait,

    /// <summary>There is none.</summary>
    Create,

    /// <summary>It is ours.</summary>
    Renew,

    /// <summary>It is nobody's, or its holder has not renewed it for its duration.</summary>
    Take,
}

/// <summary>A Lease as it was last seen.</summary>
/// <param name="Holder">null or empty: given back.</param>
/// <param name="Duration">How long it holds after a renewal.</param>
/// <param name="UnchangedFor">How long ago, by our own clock, it was first seen as it is. The times in the Lease are another machine's.</param>
public sealed record LeaseSight(string? Holder, TimeSpan Duration, TimeSpan UnchangedFor);

/// <summary>Who leads, by a Lease (as client-go's leader election does it).</summary>
public static class LeaseRule
{
    /// <param name="seen">null: there is no Lease.</param>
    /// <param name="me">This replica.</param>
    public static LeaseStep Decide(LeaseSight? seen, string me)
    {
        if (seen is null) return LeaseStep.Create;
        if (seen.Holder == me) return LeaseStep.Renew;
        if (string.IsNullOrEmpty(seen.Holder)) return LeaseStep.Take;
        return seen.UnchangedFor >= seen.Duration ? LeaseStep.Take : LeaseStep.Wait;
    }

    /// <summary>
    /// Whether one that has renewed still leads: until a third of the duration is left, so that it has stopped well before another may take over,
    /// however its requests were delayed.
    /// </summary>
    /// <param name="sinceRenewal">From before the last successful renewal was sent; null: none yet.</param>
    /// <param name="duration">Of the Lease.</param>
    public static bool Leads(TimeSpan? sinceRenewal, TimeSpan duration) => sinceRenewal < duration * (2.0 / 3);
}
