namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>How often a metadata service is asked.</summary>
public static class NoticePace
{
    /// <summary>
    /// AWS recommends to look every 5 seconds (spot-instance-termination-notices), of two minutes; of the 30 s that Azure and Google give at least, it is a sixth.
    /// </summary>
    public static readonly TimeSpan Usual = TimeSpan.FromSeconds(5);

    /// <summary>Between two questions that each wait for a change themselves.</summary>
    public static readonly TimeSpan BetweenWaits = TimeSpan.FromSeconds(1);

    /// <summary>A service that is not there may still come: seldom enough to cost nothing, often enough to be in time for two minutes.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <summary>The pause before the next question.</summary>
    /// <param name="pace">While answers come.</param>
    /// <param name="unanswered">Questions without an answer in a row, 0 or more.</param>
    /// <returns>The pace, doubled with each one, at most <see cref="Longest"/>.</returns>
    public static TimeSpan Pause(TimeSpan pace, int unanswered)
    {
        var doubled = pace * Math.Pow(2, Math.Min(unanswered, 16));
        return doubled < Longest ? doubled : Longest;
    }
}
