namespace DrainProxy.Decisions.SlowPeers;

/// <summary>What a connection holds of answers that its client does not take.</summary>
/// <param name="Bytes">Of our memory.</param>
/// <param name="Stalled">For how long the client has taken nothing of it.</param>
public readonly record struct HeldAnswers(long Bytes, TimeSpan Stalled);

/// <summary>
/// Follows, by looks a second or so apart, for how long a client has taken nothing of what is held for it. A mutable value: it lives in its
/// connection.
/// </summary>
public struct BacklogWatch
{
    private TimeSpan? since;
    private long seen;

    /// <summary>One look.</summary>
    /// <param name="bytes">Held now.</param>
    /// <param name="releases">How often the client has taken a piece so far.</param>
    /// <param name="now">Time of the look, from any zero; never earlier than the one before.</param>
    public HeldAnswers Look(long bytes, long releases, TimeSpan now)
    {
        if (bytes == 0)
        {
            since = null;
            return default;
        }

        if (since is null || releases != seen) (since, seen) = (now, releases);
        return new(bytes, now - since.Value);
    }
}

/// <summary>
/// Bounds what all clients together make the process hold: each alone may be as slow as the send timeout lets it, but many of them (or one
/// with many streams and no window, RFC 9113 section 10.5) must not take the memory of the others.
/// </summary>
public static class Backlogs
{
    /// <summary>How long a client may take nothing, however much is held: longer than the way to it and back.</summary>
    public static readonly TimeSpan LeastStall = TimeSpan.FromSeconds(1);

    /// <summary>How often it is looked while too much is held: new streams come by the thousand a second.</summary>
    public static readonly TimeSpan QuickLook = TimeSpan.FromMilliseconds(200);

    /// <summary>
    /// Which connections are ended to come back within the bound: those first that hold most for longest. One that took something within
    /// <see cref="LeastStall"/> is never ended here.
    /// </summary>
    /// <param name="held">All connections that hold something.</param>
    /// <param name="allowed">Bytes that may be held in all.</param>
    /// <returns>Positions in <paramref name="held"/>; empty within the bound.</returns>
    public static IReadOnlyList<int> ToEnd(IReadOnlyList<HeldAnswers> held, long allowed)
    {
        var over = held.Sum(h => h.Bytes) - allowed;
        if (over <= 0) return [];
        List<int> ended = [];
        foreach (var position in Enumerable.Range(0, held.Count).Where(i => held[i].Stalled >= LeastStall).OrderByDescending(i => held[i].Bytes * held[i].Stalled.TotalSeconds))
        {
            ended.Add(position);
            over -= held[position].Bytes;
            if (over <= 0) break;
        }

        return ended;
    }

    /// <summary>
    /// Bytes that may be held, from what the process may use in all: a quarter, and at most 64 MB, which is a quarter of what `inject` gives it.
    /// </summary>
    /// <param name="available">Bytes that the process may use.</param>
    public static long Allowed(long available) => Math.Min(available / 4, 64L * 1024 * 1024);
}
