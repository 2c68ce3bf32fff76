namespace DrainProxy.Proxy.Telemetry;

/// <summary>The highest, or lowest, of a value since it was last taken. From any thread, without a lock.</summary>
internal static class PeakHold
{
    /// <summary>Remembers <paramref name="value"/> when it is the highest so far.</summary>
    public static void Raise(long value, ref long peak)
    {
        var seen = Volatile.Read(ref peak);
        while (value > seen)
        {
            var previous = Interlocked.CompareExchange(ref peak, value, seen);
            if (previous == seen) return;
            seen = previous;
        }
    }

    /// <summary>Remembers <paramref name="value"/> when it is the lowest so far.</summary>
    public static void Lower(long value, ref long low)
    {
        var seen = Volatile.Read(ref low);
        while (value < seen)
        {
            var previous = Interlocked.CompareExchange(ref low, value, seen);
            if (previous == seen) return;
            seen = previous;
        }
    }
}
