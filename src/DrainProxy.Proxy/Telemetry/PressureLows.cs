using DrainProxy.Decisions.Pressure;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>The least headroom and the shortest time to OOM of the app since each was last taken: who looks now and then sees how near the wall it was in between. Fed with each reading.</summary>
internal sealed class PressureLows
{
    private long headroom = long.MaxValue;
    private long toOom = long.MaxValue;

    /// <summary>Takes a reading in.</summary>
    /// <param name="sample">Without a limit it tells nothing.</param>
    /// <param name="timeToOom"><see cref="TimeSpan.MaxValue"/> when it is not in sight.</param>
    public void Observe(in PressureSample sample, TimeSpan timeToOom)
    {
        if (!IsBounded(sample)) return;
        PeakHold.Lower(sample.HeadroomBytes, ref headroom);
        PeakHold.Lower(timeToOom.Ticks, ref toOom);
    }

    /// <summary>In bytes; begins a new period at what is now. <see cref="long.MaxValue"/> when no limit was known in this one.</summary>
    public long TakeHeadroom(in PressureSample now) => Take(ref headroom, IsBounded(now) ? now.HeadroomBytes : long.MaxValue);

    /// <summary>In ticks of <see cref="TimeSpan"/>; the same.</summary>
    public long TakeTimeToOom(TimeSpan now) => Take(ref toOom, now.Ticks);

    private static bool IsBounded(in PressureSample sample) => sample.Method != MemoryMethod.None && sample.LimitBytes != long.MaxValue;

    private static long Take(ref long low, long current)
    {
        var lowest = Interlocked.Exchange(ref low, long.MaxValue);
        PeakHold.Lower(current, ref low);
        return Math.Min(lowest, current);
    }
}
