namespace DrainProxy.Decisions.Pressure.BlackBox;

/// <summary>
/// Notices the OOM killer in a row of readings: by the counter of kills, or by an app that vanished. Kills that follow each other quickly are one incident. One caller at a time.
/// </summary>
public sealed class OomWatch
{
    /// <summary>Kills closer together than this belong together.</summary>
    public static readonly TimeSpan Together = TimeSpan.FromMilliseconds(500);

    /// <summary>An incident is told at the latest after this time, however long the killing goes on.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    /// <summary>An app that vanishes below this share of its limit was not killed for its memory.</summary>
    public const double NearLimit = 0.9;

    /// <summary>How long a route with a clear share in a kill stays suspected.</summary>
    public static readonly TimeSpan SuspectedFor = TimeSpan.FromSeconds(10);

    /// <summary>From this share of the growth on a route is suspected.</summary>
    public const double SuspectShare = 0.3;

    private readonly FlightRecorder recorder = new();
    private readonly Dictionary<string, TimeSpan> suspects = new(StringComparer.Ordinal);
    private OomIncident? open;
    private TimeSpan? lastKill;
    private long kills;
    private long failures;
    private long nearestUse;
    private TimeSpan nearestAt;
    private bool seen;

    /// <summary>Gets kills concluded from vanished processes, which no counter shows.</summary>
    public long Concluded { get; private set; }

    /// <summary>Takes a reading.</summary>
    /// <param name="sample">The reading; without a method when the app's processes are gone.</param>
    /// <param name="requests">Who is under way.</param>
    /// <param name="upstreamFailures">Exchanges so far whose connection the app has broken; a count that only goes up.</param>
    /// <returns>An incident that is over, or null.</returns>
    public OomIncident? Observe(in PressureSample sample, IInFlightRequests requests, long upstreamFailures)
    {
        var before = recorder.Last;
        recorder.Record(sample, requests);
        var (broke, killed) = (upstreamFailures - failures, sample.OomKills - kills);
        kills = sample.OomKills;
        if (seen && killed > 0) Add(sample.At, killed, OomEvidence.Counter);
        else if (seen && open is null && Vanished(sample, broke)) Add(sample.At, 1, OomEvidence.Vanished);

        // What broke counts from the last reading that saw the app: the two come in any order.
        if (sample.Method != MemoryMethod.None) failures = upstreamFailures;
        Remember(sample, before);
        seen |= sample.Method != MemoryMethod.None;
        if (open is null || (sample.At - lastKill < Together && sample.At - open.At < LongestWait)) return null;
        var over = open;
        open = null;
        return over;
    }

    /// <summary>Whether requests of a route have lately got the app killed: such a request is not sent to it again.</summary>
    public bool IsSuspect(string route, TimeSpan now) => suspects.TryGetValue(route, out var since) && now - since <= SuspectedFor;

    private bool Vanished(in PressureSample sample, long broke) => sample.Method == MemoryMethod.None && broke > 0 && (lastKill is not { } kill || sample.At - kill > LongestWait)
        && recorder.Last.LimitBytes != long.MaxValue && nearestUse > recorder.Last.LimitBytes * NearLimit && sample.At - nearestAt <= LongestWait;

    /// <summary>The highest use of the last moments: the last reading before a kill may be 10 ms short of it.</summary>
    private void Remember(in PressureSample sample, in PressureSample before)
    {
        if (sample.Method == MemoryMethod.None) return;
        if (sample.UsedBytes < nearestUse && sample.At - nearestAt <= FlightRecorder.FrameAge && before.Method == sample.Method) return;
        (nearestUse, nearestAt) = (sample.UsedBytes, sample.At);
    }

    private void Add(TimeSpan at, long count, OomEvidence evidence)
    {
        lastKill = at;
        if (evidence == OomEvidence.Vanished) Concluded += count;
        nearestUse = 0;
        open = open is null ? recorder.Incident(at, count, evidence) : open with { Kills = open.Kills + count };
        foreach (var (route, since) in suspects)
            if (at - since > SuspectedFor) suspects.Remove(route);
        foreach (var (route, share) in recorder.Shares())
            if (share >= SuspectShare) suspects[route] = at;
    }
}
