using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Draining;

/// <summary>What happens on the data path between t0 and the end; kept only then, so a lock costs the normal path nothing.</summary>
internal sealed class TerminationLog
{
    private readonly Lock gate = new();
    private readonly long[] lost = new long[Enum.GetValues<LossReason>().Length];
    private readonly long[] streams = new long[Enum.GetValues<StreamKind>().Length];

    /// <summary>Monotonic times since the process started.</summary>
    public TimeSpan? LastConnection { get; private set; }

    public TimeSpan? LastRequest { get; private set; }

    public TimeSpan? LastByte { get; private set; }

    /// <summary>Longest pause between two arrivals, the one from t0 to the first included.</summary>
    public TimeSpan LongestGap { get; private set; }

    public long Served { get; private set; }

    public long InFlightAtStart { get; set; }

    public long CutInFlight { get; private set; }

    public void Connection(TimeSpan now)
    {
        lock (gate) LastConnection = now;
    }

    public void Request(TimeSpan now, TimeSpan terminatedAt)
    {
        lock (gate)
        {
            var gap = now - (LastRequest ?? terminatedAt);
            if (gap > LongestGap) LongestGap = gap;
            LastRequest = now;
        }
    }

    public void Answered(TimeSpan now, bool served)
    {
        lock (gate)
        {
            LastByte = now;
            if (served) Served++;
        }
    }

    public void Lost(LossReason reason)
    {
        lock (gate)
        {
            lost[(int)reason]++;
            if (reason is LossReason.CutAtDeadline or LossReason.ResetByUs) CutInFlight++;
        }
    }

    public void StreamClosed(StreamKind kind)
    {
        lock (gate) streams[(int)kind]++;
    }

    public long LostBy(LossReason reason)
    {
        lock (gate) return lost[(int)reason];
    }

    public long LostInAll()
    {
        lock (gate) return lost.Sum();
    }

    public long StreamsClosed(StreamKind kind)
    {
        lock (gate) return streams[(int)kind];
    }
}

/// <summary>Protocols whose exchanges have no end of their own.</summary>
internal enum StreamKind
{
    Websocket,
    Sse,
    Grpc,
}
