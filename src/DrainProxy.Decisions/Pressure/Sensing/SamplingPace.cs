namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>
/// How long the sampler waits. One thread of an app touches 200 MB in a tenth of a second (measured), so a reading is at most 10 ms old while there is work; without work nothing
/// happens that a request would suffer from.
/// </summary>
public static class SamplingPace
{
    /// <summary>While something is in flight, or the headroom shrinks.</summary>
    public static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(10);

    /// <summary>While something is in flight and no limit is known: nothing can be full, and queues and descriptors change more slowly.</summary>
    public static readonly TimeSpan Unbounded = TimeSpan.FromMilliseconds(100);

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

    /// <summary>The pause after a reading; the first request after a rest ends it.</summary>
    /// <param name="sinceWork">Time since something was in flight or memory grew noticeably; zero while it is so.</param>
    /// <param name="hasLimit">Whether the app has a limit that is known.</param>
    /// <param name="cost">What a reading took.</param>
    public static TimeSpan Next(TimeSpan sinceWork, bool hasLimit, TimeSpan cost)
    {
        if (Rests(sinceWork)) return Idle;
        var pause = hasLimit ? Busy : Unbounded;
        var least = cost * CostShare;
        return least > pause ? least < Idle ? least : Idle : pause;
    }

    /// <summary>Whether nothing has happened for so long that readings become seldom.</summary>
    /// <param name="sinceWork">As for <see cref="Next"/>.</param>
    public static bool Rests(TimeSpan sinceWork) => sinceWork > Afterglow;

    /// <summary>Whether memory has grown between two readings as an app at rest does not.</summary>
    public static bool Grows(in PressureSample before, in PressureSample now) =>
        now.Method == before.Method && now.LimitBytes != long.MaxValue && now.UsedBytes - before.UsedBytes > now.LimitBytes / NoticeableShare;
}
