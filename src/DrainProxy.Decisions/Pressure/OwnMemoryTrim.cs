namespace DrainProxy.Decisions.Pressure;

/// <summary>
/// When the proxy gives memory back although requests are open: streams that stay for hours must not keep what a load beside them has left. What is freed is seen by nobody until a collector
/// runs, which it does when something is allocated; so what counts is that something has ended, and that more is used than the proxy is known to need. It stops everything for some
/// milliseconds: only when no request has begun for a while.
/// </summary>
public sealed class OwnMemoryTrim
{
    /// <summary>No request has begun for so long.</summary>
    public static readonly TimeSpan QuietFor = TimeSpan.FromSeconds(3);

    /// <summary>Time between two at least.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(20);

    /// <summary>Worth it from this share of what is needed on, and these bytes: two generations of young garbage, which stand at any time.</summary>
    private const double WorthShare = 0.2;
    private const long WorthBytes = 8L << 20;

    private long needed;
    private TimeSpan? last;
    private long endedThen;

    /// <summary>Takes a reading in.</summary>
    /// <param name="now">When it was taken.</param>
    /// <param name="used">What this process has to itself, in bytes; 0 where nobody tells.</param>
    /// <param name="rest">How long no request has begun.</param>
    /// <param name="ended">Requests and connections that have ended so far.</param>
    /// <returns>Whether memory is to be given back now: <see cref="HandedBack"/> is to follow.</returns>
    public bool Observe(TimeSpan now, long used, TimeSpan rest, long ended) =>
        used > 0 && rest >= QuietFor && ended != endedThen && !(now - last < Every) && used - needed >= (needed * WorthShare) + WorthBytes;

    /// <summary>Memory was given back, for this reason or another.</summary>
    /// <param name="now">When.</param>
    /// <param name="used">What it has left, in bytes: the least that was ever left is what is needed.</param>
    /// <param name="ended">Requests and connections that have ended so far.</param>
    public void HandedBack(TimeSpan now, long used, long ended)
    {
        (last, endedThen) = (now, ended);
        needed = needed == 0 ? used : Math.Min(needed, used);
    }
}
