namespace DrainProxy.Decisions.Pressure;

/// <summary>What follows from a reading of our own memory.</summary>
/// <param name="Changed">Whether new work is taken has just changed.</param>
/// <param name="Collect">Garbage is to be given back now: what is in use may be far less than what is used.</param>
/// <param name="Near">The next reading is to come soon.</param>
public readonly record struct OwnMemoryStep(bool Changed, bool Collect, bool Near);

/// <summary>
/// When the proxy itself takes no new work for want of memory, so that neither the OOM killer (at the limit) nor the runtime (at a heap of 75 % of
/// it, where it ends the process) cuts what is under way: that goes on growing for a while.
/// </summary>
public sealed class OwnMemoryRule
{
    /// <summary>Bytes that the program needs for itself under any load: about 40 MB at 30,000 requests a second (bench/README.md); growth comes on top.</summary>
    private const long Base = 32L << 20;

    /// <summary>Bytes kept for what is under way, however small the limit.</summary>
    private const long LeastReserve = 10L << 20;

    /// <summary>Share of what lies above the base that is kept for what is under way: the runtime ends the process at a heap of 75 % of the limit.</summary>
    private const double ReserveShare = 0.3;

    /// <summary>Below where work is refused, as a share of the limit: there it is taken again.</summary>
    private const double EnoughBelow = 0.08;

    /// <summary>
    /// The same: from there on garbage is collected, so that what is refused is refused for what is in use, and growth is taken to go on for a while.
    /// </summary>
    private const double WaryBelow = 0.20;

    /// <summary>From this share on readings come every 10 ms: buffers of new connections fill that fast.</summary>
    public const double NearFrom = 0.25;

    /// <summary>Growth between two readings, as a share of the limit, that has the next one come soon.</summary>
    public const double Growth = 0.005;

    /// <summary>How far ahead growth is taken to go on.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMilliseconds(30);

    /// <summary>Time between two collections at least while short; one stops everything for some milliseconds.</summary>
    public static readonly TimeSpan CollectEvery = TimeSpan.FromSeconds(2);

    /// <summary>The same while there is room: what is in use may simply be that much.</summary>
    public static readonly TimeSpan CollectEveryWhileWary = TimeSpan.FromSeconds(10);

    private TimeSpan? collected;
    private (TimeSpan At, long Used)? before;

    /// <summary>No new work is taken.</summary>
    public bool IsShort { get; private set; }

    /// <summary>Bytes from which on no new work is taken.</summary>
    /// <param name="limit">The container's limit, in bytes.</param>
    public static long ShortFrom(long limit) => limit - Math.Max(LeastReserve, (long)((limit - Base) * ReserveShare));

    /// <summary>
    /// Whether a collection may move what is in use together, which gives most back. It takes room for what it moves first: 11 MiB where 42 were used (measured), more than
    /// what is left of a small limit. Where that is not there, garbage is given up only.
    /// </summary>
    /// <param name="used">What this process uses, in bytes.</param>
    /// <param name="limit">The container's limit, in bytes.</param>
    /// <param name="heap">The managed heap with its garbage, in bytes: no more than that is moved.</param>
    public static bool MayCompact(long used, long limit, long heap) => limit - used > heap;

    /// <summary>Takes a reading in.</summary>
    /// <param name="now">When it was taken.</param>
    /// <param name="used">What this process uses that cannot be taken back, in bytes.</param>
    /// <param name="limit">The container's limit, in bytes; <see cref="long.MaxValue"/> without one.</param>
    public OwnMemoryStep Observe(TimeSpan now, long used, long limit)
    {
        var last = before ?? (now, used);
        before = (now, used);
        if (limit is <= 0 or long.MaxValue) return Take(isShort: false, collect: false, near: false);
        var grown = Math.Max(0, used - last.Used);
        var shortFrom = ShortFrom(limit);
        var wary = used >= shortFrom - (limit * WaryBelow);
        var soon = wary && now > last.At ? used + (grown * Math.Min(Ahead / (now - last.At), 3)) : used;
        var isShort = IsShort ? used >= shortFrom - (limit * EnoughBelow) : soon >= shortFrom;
        var collect = wary && (collected is not { } then || now - then >= (isShort ? CollectEvery : CollectEveryWhileWary));
        if (collect) collected = now;
        return Take(isShort, collect, used >= limit * NearFrom || grown > limit * Growth);
    }

    private OwnMemoryStep Take(bool isShort, bool collect, bool near)
    {
        var changed = isShort != IsShort;
        IsShort = isShort;
        return new(changed, collect, near);
    }
}
