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

    /// <summary>The highest so far, which begins a new period at what the value is now: it is read after the period began, so that an increment in between raises the peak of the new one itself.</summary>
    public static long Take(ref long peak, in long value)
    {
        var highest = Interlocked.Exchange(ref peak, 0);
        var current = Volatile.Read(in value);
        Raise(current, ref peak);
        return Math.Max(highest, current);
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
