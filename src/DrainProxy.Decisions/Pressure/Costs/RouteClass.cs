namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>What is known of how much memory a route's requests take.</summary>
public enum RouteKind
{
    /// <summary>Not enough seen yet: its requests run as a trial.</summary>
    Unlearned,

    /// <summary>Takes no memory worth a reservation; never waits for memory.</summary>
    Light,

    /// <summary>Each request is let in by what it is expected to take.</summary>
    Heavy,
}

/// <summary>
/// A kind of request (method and path template) with what was learned of it. Counted from the data path without a lock; the learned numbers
/// are written by <see cref="CostModel"/> alone, under its owner's lock, and read by anybody.
/// </summary>
public sealed class RouteClass(string name)
{
    private int inFlight;
    private long started;
    private long completed;
    private volatile RouteKind kind;

    /// <summary>Method and path template, e.g. `GET /orders/:id`.</summary>
    public string Name => name;

    /// <summary>Which lane its requests take.</summary>
    public RouteKind Kind
    {
        get => kind;
        internal set => kind = value;
    }

    /// <summary>Requests with the app now.</summary>
    public int InFlight => Volatile.Read(ref inFlight);

    /// <summary>Requests that were given to the app.</summary>
    public long Started => Volatile.Read(ref started);

    /// <summary>Requests that have ended.</summary>
    public long Completed => Volatile.Read(ref completed);

    /// <summary>The most that one request may be expected to make the app grow, in bytes: follows rises at once, falls with a half-life of minutes.</summary>
    public double PeakBytes { get; internal set; }

    /// <summary>By how much a request made the app grow of late, in bytes: small where the runtime uses again what it kept.</summary>
    public double RepeatPeakBytes { get; internal set; }

    /// <summary>The most by which one of the last hundred or so made the app grow, in bytes: how far using again can be relied on.</summary>
    internal double RepeatWorstBytes { get; set; }

    /// <summary>What stayed with the app when its last heavy request had ended, per request, in bytes; what the request took
    /// while that is not known.</summary>
    public double HeldBytes { get; internal set; } = double.MaxValue;

    /// <summary>Share of their growth that comes in the second half of their time, 0 to 1.</summary>
    public double LateShare { get; internal set; } = 1;

    /// <summary>Seconds that one of its requests takes, of late.</summary>
    public double Seconds { get; internal set; }

    /// <summary>A request that ran alone was seen to take what counts as heavy. What only shares of growth say is suspicion, and is given up as quickly as it came.</summary>
    internal bool Confirmed { get; set; }

    /// <summary>Seconds that the request took that confirmed it.</summary>
    internal double ConfirmedSeconds { get; set; }

    /// <summary>Ended requests, since it was last unlearned, of which enough was seen to judge by them.</summary>
    internal int Measured { get; set; }

    /// <summary>Those that ended while the app grew by so much that nobody can tell whether it was theirs.</summary>
    internal int Doubtful { get; set; }

    /// <summary>Growth per second and request in flight, in bytes: the weight by which growth is shared out.</summary>
    internal double GrowthRate { get; set; }

    internal double AttributedBytes { get; set; }

    internal double ExposureSeconds { get; set; }

    internal double CompletedSoFar { get; set; }

    internal long StartedBefore { get; set; }

    internal long CompletedBefore { get; set; }

    /// <summary>Requests in flight between the last two samples, on average.</summary>
    internal double Presence { get; set; }

    /// <summary>When it was last in flight.</summary>
    internal TimeSpan LastSeen { get; set; }

    /// <summary>When its first trial began; null before.</summary>
    internal TimeSpan? TrialSince { get; set; }

    /// <summary>A request goes to the app. Any thread.</summary>
    public void Enter()
    {
        Interlocked.Increment(ref inFlight);
        Interlocked.Increment(ref started);
    }

    /// <summary>A request has left the app. Any thread.</summary>
    public void Leave()
    {
        Interlocked.Increment(ref completed);
        Interlocked.Decrement(ref inFlight);
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
