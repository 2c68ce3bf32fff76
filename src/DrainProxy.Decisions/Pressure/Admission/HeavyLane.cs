using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// Whether one more request that may take memory fits. Never more at once than the plateau has shown to fit. Within that, by reservation: what
/// the app holds, what those in flight may still take and what this one may take stay within the band; or, where the app reuses what it
/// has, by what requests made it grow of late, up to half of the reserve: so an app that stands above the band for good with heap that it
/// reuses goes on.
/// </summary>
public sealed class HeavyLane
{
    /// <summary>Above the band, one request at a time goes on, after a pause in which a collector may have its turn.</summary>
    public static readonly TimeSpan PauseAbove = TimeSpan.FromMilliseconds(100);

    /// <summary>While the oldest request of an unlearned class has run this long and nothing grew, twice as many may run.</summary>
    public static readonly TimeSpan TrialStep = TimeSpan.FromMilliseconds(250);

    /// <summary>So long a trial of another class may have the app's growth for itself.</summary>
    public static readonly TimeSpan TrialAlone = TimeSpan.FromMilliseconds(100);

    /// <summary>So many times longer while the app grows beside them.</summary>
    private const int SlowerInDoubt = 8;

    /// <summary>And so many readings, where they come late.</summary>
    private const int TrialReadings = 3;

    /// <summary>The same while it grows: its end is the measurement that counts.</summary>
    public static readonly TimeSpan TrialOfHeavy = TimeSpan.FromSeconds(2);

    /// <summary>The share of the limit at which an app is as good as killed: page tables and the stocks of the kernel are not in every reading.</summary>
    private const double AlmostAll = 0.98;

    private readonly List<Ticket> running = [];
    private readonly Plateau plateau = new();
    private TimeSpan lastEnded;
    private bool settled = true;
    private double keptShare;

    /// <summary>The watched requests with the app.</summary>
    public IReadOnlyList<Ticket> Running => running;

    /// <summary>What they may still take, in bytes.</summary>
    public double Remaining(TimeSpan now)
    {
        double sum = 0;
        foreach (var ticket in running) sum += ticket.Remaining(now);
        return sum;
    }

    /// <summary>How many at once were seen to fit, and up to where they filled the app.</summary>
    public Plateau Plateau => plateau;

    /// <summary>What they were expected to take when they were let in, in bytes.</summary>
    public double RunningBytes
    {
        get
        {
            double sum = 0;
            foreach (var ticket in running) sum += ticket.ExpectedBytes;
            return sum;
        }
    }

    /// <summary>A request goes to the app.</summary>
    public void Start(Ticket ticket, TimeSpan now)
    {
        ticket.AdmittedAt = now;
        ticket.ExpectedBytes = CostModel.Expected(ticket.Route);
        ticket.Alone = running.Count == 0;
        if (!ticket.Alone)
            foreach (var other in running) other.Alone = false;
        running.Add(ticket);
    }

    /// <summary>It has left the app.</summary>
    /// <returns>Whether it was watched.</returns>
    public bool End(Ticket ticket, TimeSpan now)
    {
        if (!running.Remove(ticket)) return false;
        lastEnded = now;
        settled = false;
        if (ticket.Route.Kind == RouteKind.Heavy) plateau.Ended();
        return true;
    }

    /// <summary>Takes a sample in.</summary>
    public void Observe(in PressureSample sample, double topBytes)
    {
        settled |= running.Count == 0;
        var (sum, most, kept) = (0.0, 0.0, 0.0);
        foreach (var ticket in running)
        {
            if (ticket.Route.Kind != RouteKind.Heavy) continue;
            sum += ticket.ExpectedBytes;
            most = Math.Max(most, CostModel.Expected(ticket.Route));
            kept = Math.Max(kept, CostModel.KeptShare(ticket.Route));
        }

        if (most > 0) keptShare = kept;
        plateau.Observe(sample.At, sample.UsedBytes, sum, most, topBytes, sample.LimitBytes, kept);
    }

    /// <summary>Whether a request of a heavy class may go.</summary>
    public bool Fits(RouteClass route, double used, double top, double limit, TimeSpan now)
    {
        // What the first one has left is measured before the second may hide it.
        if (route.HeldBytes == double.MaxValue && !settled) return false;
        if (running.Count == 0) return used <= top || now - lastEnded >= PauseAbove;
        var cost = CostModel.Expected(route);
        if (!plateau.Allows(RunningBytes, cost)) return false;
        var isNew = RunningBytes + cost > plateau.ProvenBytes * 1.01;
        if (used + Remaining(now) + cost <= (isNew ? Math.Min(top, plateau.CeilingBytes) : top)) return true;
        // Beyond the sum of costs only as the app was seen to do with less, going by what requests made it grow of late, up to half of the reserve:
        // so an app that stands above the band for good with heap that it reuses goes on.
        // And never so that the app is killed if this one uses as little again as any of late.
        if (used + Math.Min(cost, route.RepeatWorstBytes) + RepeatOfRunning(now) > limit * AlmostAll) return false;
        return used + (isNew ? cost : Again(route)) + RepeatOfRunning(now) <= (isNew ? plateau.CeilingBytes : (top + limit) / 2);
    }

    /// <summary>Whether the app holds memory, taken by heavy requests, that others may use again unseen.</summary>
    public bool Reuses(double heavyBytes) => keptShare > 0.5 && plateau.HeldBytes > 2 * heavyBytes;

    /// <summary>
    /// Whether a request of a class that is only suspected may go beside heavy ones that wait: one at a time, whatever the number of the others, so that it can be acquitted.
    /// </summary>
    public bool FitsSuspected(RouteClass route, double used, double top, TimeSpan now)
    {
        foreach (var ticket in running)
            if (ReferenceEquals(ticket.Route, route)) return false;
        return running.Count == 0 ? used <= top || now - lastEnded >= PauseAbove : used + Remaining(now) + CostModel.Expected(route) <= top;
    }

    /// <summary>Whether one more may go while nobody knows what is free: as many as were seen to fit.</summary>
    public bool FitsUnseen(RouteClass route) => running.Count == 0 || (route.Kind == RouteKind.Heavy && plateau.Allows(RunningBytes, CostModel.Expected(route)));

    /// <summary>
    /// Whether a request of a class that is not learned may go: one at a time and no other unlearned class beside it, so that the first
    /// measurement is clean; more as there is room for the worst, or as time passes and nothing grows.
    /// </summary>
    public bool TrialFits(RouteClass route, double used, double top, TimeSpan now, double heavyBytes)
    {
        if (running.Count == 0) return used <= top || now - lastEnded >= PauseAbove;
        if (used > top) return false;
        var (own, oldest, grown, seen, another) = (0, TimeSpan.Zero, 0.0, 0.0, false);
        foreach (var ticket in running)
        {
            var age = now - ticket.AdmittedAt;
            if (ReferenceEquals(ticket.Route, route))
            {
                own++;
                oldest = age > oldest ? age : oldest;
                grown += ticket.GrownBytes;
                seen = Math.Max(seen, ticket.SeenBytes);
            }
            else if (ticket.Route.Kind == RouteKind.Unlearned && (ticket.Readings < TrialReadings || age < (ticket.GrownBytes > heavyBytes / 8 ? TrialOfHeavy : TrialAlone)))
            {
                another = true;
            }
        }

        // All of them together: a runtime that is still cold grows slowly, and what it grows by is shared out among them.
        var grows = grown > heavyBytes / 2;
        // While the app grows, whoever it is thought to be, time says less.
        if (seen > heavyBytes / 2 || Reuses(heavyBytes)) oldest /= SlowerInDoubt;
        var most = Doubled(oldest) << (route.Doubtful / CostModel.DoubtfulStep);
        // Two kinds of doubt: what comes of those in flight, and what comes of this one.
        var roomFor = route.Completed == 0 ? 0 : (int)Math.Min(1000, (top - used - Remaining(now)) / (2 * CostModel.UnknownBytes));
        if (roomFor > 0) return own < Math.Max(roomFor, 1) || (!grows && own < most);
        if (grows) return false;
        // The first one of a class is measured alone.
        return own == 0 ? !another : own < most;
    }

    private static int Doubled(TimeSpan age) => 1 << (int)Math.Min(12, age / TrialStep);

    /// <summary>What a request makes the app grow by, going by the last ones; twice, since some reuse all and some nothing.</summary>
    private static double Again(RouteClass route) =>
        // Where memory is given back, what ends hides what grows: there only what is held counts as used again.
        Math.Min(route.PeakBytes, Math.Max(2 * route.RepeatPeakBytes, route.PeakBytes - Math.Min(route.HeldBytes, route.PeakBytes)));

    private double RepeatOfRunning(TimeSpan now)
    {
        double sum = 0;
        foreach (var ticket in running)
            sum += ticket.Route.Kind == RouteKind.Heavy ? Math.Clamp(Again(ticket.Route) - ticket.GrownBytes, 0, ticket.Remaining(now)) : ticket.Remaining(now);
        return sum;
    }
}
