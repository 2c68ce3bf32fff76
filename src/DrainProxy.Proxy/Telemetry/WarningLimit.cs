namespace DrainProxy.Proxy.Telemetry;

/// <summary>At most one warning a second for each cause, so that trouble does not turn into a flood of log lines.</summary>
internal sealed class WarningLimit(TimeProvider time)
{
    private const int Causes = 32;
    private readonly long[] next = new long[Causes];

    public bool Allows(int cause)
    {
        var now = time.GetTimestamp();
        ref var slot = ref next[cause % Causes];
        var due = Volatile.Read(ref slot);
        return now >= due && Interlocked.CompareExchange(ref slot, now + time.TimestampFrequency, due) == due;
    }
}
