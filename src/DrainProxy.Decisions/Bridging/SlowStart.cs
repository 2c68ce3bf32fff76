namespace DrainProxy.Decisions.Bridging;

/// <summary>
/// How held requests are let go when the app answers again: a few at first, two for each that it answers, so that the rate follows what
/// the app takes; and a few on every tick, so that requests that never end do not keep the others. A mutable value; its owner locks.
/// </summary>
public struct SlowStart
{
    /// <summary>Let go at once: as many as a small app server has workers.</summary>
    public const int First = 8;

    /// <summary>Let go for each answer: the rate doubles with each round, as TCP's slow start does (RFC 5681 section 3.1).</summary>
    public const int PerAnswer = 2;

    /// <summary>Let go on each tick in any case.</summary>
    public const int PerTick = 8;

    /// <summary>Time between ticks.</summary>
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(250);

    /// <summary>Held requests are being let go.</summary>
    public bool Running { get; private set; }

    /// <summary>The app answers; how many go now.</summary>
    public int Begin(int waiting)
    {
        Running = waiting > First;
        return Math.Min(waiting, First);
    }

    /// <summary>A request was answered; how many go now.</summary>
    public int Answered(int waiting) => Next(waiting, PerAnswer);

    /// <summary>A tick has passed; how many go now.</summary>
    public int Ticked(int waiting) => Next(waiting, PerTick);

    /// <summary>The app is gone again.</summary>
    public void Stop() => Running = false;

    private int Next(int waiting, int most)
    {
        if (!Running) return 0;
        Running = waiting > most;
        return Math.Min(waiting, most);
    }
}
