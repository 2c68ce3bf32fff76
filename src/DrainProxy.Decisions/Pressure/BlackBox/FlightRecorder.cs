namespace DrainProxy.Decisions.Pressure.BlackBox;

/// <summary>
/// The black box: keeps the last readings with the requests that were under way, and says after a kill who was there and whose growth it was. Growth between two readings is shared
/// out among the requests then under way by what each was expected to take, and forgotten with a half-life: what filled the memory long ago is the baseline, not the culprit.
/// Bounded: 512 readings, 64 requests, and as many routes as its source names. One caller at a time.
/// </summary>
public sealed class FlightRecorder
{
    /// <summary>Readings kept: five seconds of work at 10 ms.</summary>
    public const int Readings = 512;

    /// <summary>Requests kept of one moment.</summary>
    public const int MostRequests = 64;

    /// <summary>Points of a curve: enough to draw it, few enough for a log line.</summary>
    public const int CurvePoints = 48;

    /// <summary>Growth counts half after this time.</summary>
    public static readonly TimeSpan GrowthHalfLife = TimeSpan.FromSeconds(1);

    /// <summary>How long a set of requests counts as that of the kill: connections die with the process, and their requests with them, before the kill is seen.</summary>
    public static readonly TimeSpan FrameAge = TimeSpan.FromSeconds(1);

    /// <summary>A request of which nothing is known weighs this much: a light one beside one of 100 MB is no culprit.</summary>
    private const long LeastWeight = 1 << 20;

    private readonly (TimeSpan At, long Used)[] readings = new (TimeSpan, long)[Readings];
    private readonly Dictionary<string, double> growth = new(StringComparer.Ordinal);
    private InFlightRequest[] frame = [];
    private InFlightRequest[] latest = [];
    private int frameCount;
    private long frameWeight;
    private TimeSpan frameAt;
    private int written;
    private PressureSample last;
    private bool begun;

    /// <summary>Gets the last reading.</summary>
    public PressureSample Last => last;

    /// <summary>Gets how many requests the fullest set of the last second holds.</summary>
    public int InFlight => frameCount;

    /// <summary>Takes a reading and who is under way.</summary>
    public void Record(in PressureSample sample, IInFlightRequests requests)
    {
        if (frame.Length == 0) (frame, latest) = (new InFlightRequest[MostRequests], new InFlightRequest[MostRequests]);
        var count = Math.Clamp(requests.CopyTo(latest), 0, MostRequests);
        Keep(sample.At, count);
        if (sample.Method == MemoryMethod.None) return;
        if (begun && last.Method == sample.Method) ShareOut(sample, count);
        readings[written++ % Readings] = (sample.At, sample.UsedBytes);
        (last, begun) = (sample, true);
    }

    /// <summary>Each route's share of the recent growth, greatest first; empty when there was none.</summary>
    public IReadOnlyList<OomCulprit> Shares()
    {
        var sum = growth.Values.Sum();
        return sum <= 0 ? [] : [.. growth.Where(g => g.Key.Length > 0).Select(g => new OomCulprit(g.Key, g.Value / sum)).OrderByDescending(g => g.Share)];
    }

    /// <summary>What is known of a kill that has just been seen.</summary>
    public OomIncident Incident(TimeSpan at, long kills, OomEvidence evidence)
    {
        var shares = Shares();
        OomCulprit? culprit = shares.Count > 0 ? shares[0] : null;
        var requests = frame.AsSpan(0, frameCount).ToArray();
        var curve = Curve(at);
        return new(at, kills, evidence, last.LimitBytes, culprit, requests, curve, OomAdvice.For(last.LimitBytes, culprit, requests, curve));
    }

    /// <summary>Keeps the fullest set of the last second.</summary>
    private void Keep(TimeSpan at, int count)
    {
        long weight = 0;
        foreach (ref readonly var request in latest.AsSpan(0, count)) weight += Weight(request);
        if (weight < frameWeight && at - frameAt <= FrameAge) return;
        (frame, latest) = (latest, frame);
        (frameCount, frameWeight, frameAt) = (count, weight, at);
    }

    private void ShareOut(in PressureSample sample, int count)
    {
        var kept = Math.Pow(0.5, (sample.At - last.At) / GrowthHalfLife);
        foreach (var (route, bytes) in growth)
        {
            if (bytes * kept < 1) growth.Remove(route);
            else growth[route] = bytes * kept;
        }

        var grown = sample.UsedBytes - last.UsedBytes;
        if (grown <= 0) return;
        // Those that ended between the two readings grew as well; the fullest set of late stands for them.
        var requests = count > 0 && frameAt != sample.At ? latest.AsSpan(0, count) : frame.AsSpan(0, frameCount);
        long weights = 0;
        foreach (ref readonly var request in requests) weights += Weight(request);
        if (weights == 0) Grow("", grown);
        foreach (ref readonly var request in requests) Grow(request.Route, (double)grown * Weight(request) / weights);
    }

    private void Grow(string route, double bytes) => growth[route] = growth.GetValueOrDefault(route) + bytes;

    private static long Weight(in InFlightRequest request) => Math.Max(LeastWeight, request.PredictedBytes);

    /// <summary>The highest use in each of equal stretches of the time that is kept.</summary>
    private List<CurvePoint> Curve(TimeSpan at)
    {
        var kept = Math.Min(written, Readings);
        var points = new List<CurvePoint>(CurvePoints);
        if (kept == 0) return points;
        var oldest = readings[(written - kept) % Readings].At;
        var stretch = Math.Max(1, (at - oldest).Ticks / CurvePoints + 1);
        long slot = -1;
        for (var i = written - kept; i < written; i++)
        {
            var (when, used) = readings[i % Readings];
            var own = (when - oldest).Ticks / stretch;
            if (own == slot && points[^1].UsedBytes >= used) continue;
            if (own == slot) points.RemoveAt(points.Count - 1);
            points.Add(new(at - when, used));
            slot = own;
        }

        return points;
    }
}
