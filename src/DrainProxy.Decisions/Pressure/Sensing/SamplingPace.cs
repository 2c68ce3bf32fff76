namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>What decides when the next reading is due.</summary>
/// <param name="SinceWork">Time since something was in flight or memory grew noticeably; zero while it is so.</param>
/// <param name="SinceWatched">Time since a request that may take memory (of a heavy route, or of one that is not learned yet) was in flight or waited, or memory grew noticeably.</param>
/// <param name="HeadroomBytes">What may still be allocated; <see cref="long.MaxValue"/> where no limit is known.</param>
/// <param name="FastestGrowth">The fastest growth that has to be reckoned with, in bytes a second.</param>
/// <param name="Cost">What a reading takes.</param>
public readonly record struct PaceInput(TimeSpan SinceWork, TimeSpan SinceWatched, long HeadroomBytes, double FastestGrowth, TimeSpan Cost);

/// <summary>
/// How long the sampler waits. One thread of an app touches 200 MB in a tenth of a second (measured), so a reading is at most 10 ms old while a request that may take memory is under way,
/// and while memory grows. Light requests alone are no reason to hurry as long as the limit is far away; without work nothing happens that a request would suffer from.
/// </summary>
public static class SamplingPace
{
    /// <summary>While a request that may take memory is in flight, the headroom shrinks or is small.</summary>
    public static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(10);

    /// <summary>While something is in flight and no limit is known: nothing can be full, and queues and descriptors change more slowly.</summary>
    public static readonly TimeSpan Unbounded = TimeSpan.FromMilliseconds(100);

    /// <summary>The longest pause while light requests are in flight and a limit is known.</summary>
    public static readonly TimeSpan Calm = TimeSpan.FromMilliseconds(100);

    /// <summary>So many readings at least would see memory grow from where it stands to the limit, at the fastest growth that has to be reckoned with.</summary>
    public const int ReadingsToLimit = 16;

    /// <summary>Between two looks at queues of listeners that are empty, and at our own memory where it is far from its bound: both take some of the time of a reading and change more slowly.</summary>
    public static readonly TimeSpan Slower = TimeSpan.FromMilliseconds(50);

    /// <summary>Between two readings without work.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(500);

    /// <summary>A reading takes at most one part in this many of the time: many processes to read make the sampler slower, not the machine.</summary>
    public const int CostShare = 50;

    /// <summary>Of the limit: growth within one reading that counts as shrinking headroom without work. Collectors and timers of an idle app move less.</summary>
    public const int NoticeableShare = 200;

    /// <summary>How long after it saw work or growth the sampler stays busy: memory is allocated and given back behind the answer too.</summary>
    public static readonly TimeSpan Afterglow = TimeSpan.FromMilliseconds(250);

    /// <summary>Between two looks at all sockets, which find leaks and full port ranges.</summary>
    public static readonly TimeSpan SocketsBusy = TimeSpan.FromSeconds(5);

    /// <summary>The same where looks are dear: further apart they would not find a leak within a minute.</summary>
    public static readonly TimeSpan SocketsSeldom = TimeSpan.FromSeconds(10);

    /// <summary>Up to that pause, looks at sockets take at most one part in this many of the time.</summary>
    public const int SocketsShare = 200;

    /// <summary>The pause between two looks at all sockets. Beyond the time within which leaks are to be found, looks take a fiftieth of the time, however many sockets there are.</summary>
    /// <param name="cost">What a look took.</param>
    public static TimeSpan Sockets(TimeSpan cost)
    {
        var pause = TimeSpan.FromTicks(Math.Clamp((cost * SocketsShare).Ticks, SocketsBusy.Ticks, SocketsSeldom.Ticks));
        var least = cost * CostShare;
        return least > pause ? least : pause;
    }

    /// <summary>The pause after a reading; the first request after a rest ends it, and so does the first that may take memory.</summary>
    public static TimeSpan Next(in PaceInput input)
    {
        if (Rests(input.SinceWork)) return Idle;
        var pause = input.HeadroomBytes == long.MaxValue ? Unbounded : input.SinceWatched <= Afterglow ? Busy : ByHeadroom(input);
        var least = input.Cost * CostShare;
        return least > pause ? least < Idle ? least : Idle : pause;
    }

    private static TimeSpan ByHeadroom(in PaceInput input)
    {
        var toLimit = TimeSpan.FromSeconds(Math.Min(input.HeadroomBytes / input.FastestGrowth, ReadingsToLimit));
        return TimeSpan.FromTicks(Math.Clamp((toLimit / ReadingsToLimit).Ticks, Busy.Ticks, Calm.Ticks));
    }

    /// <summary>Whether nothing has happened for so long that readings become seldom.</summary>
    /// <param name="sinceWork">As in <see cref="PaceInput"/>.</param>
    public static bool Rests(TimeSpan sinceWork) => sinceWork > Afterglow;

    /// <summary>Whether memory has grown between two readings as an app at rest does not.</summary>
    public static bool Grows(in PressureSample before, in PressureSample now) =>
        now.Method == before.Method && now.LimitBytes != long.MaxValue && now.UsedBytes - before.UsedBytes > now.LimitBytes / NoticeableShare;
}
