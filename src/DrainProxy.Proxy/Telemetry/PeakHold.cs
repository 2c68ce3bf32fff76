namespace DrainProxy.Proxy.Telemetry;

/// <summary>The highest of a value since its peak was last taken. From any thread, without a lock.</summary>
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
}
