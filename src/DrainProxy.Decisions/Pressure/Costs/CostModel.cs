namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>
/// Learns what requests of each route class take, from the app's growth between two samples and from what was in flight meanwhile.
/// Growth is shared out by rates that are themselves learned from the shares (the Richardson-Lucy iteration: multiplicative, never negative,
/// and a class that is in flight while nothing grows loses weight). Only growth counts, since what a collector frees says nothing about what
/// the next request will take. Not thread-safe: the owner locks.
/// </summary>
public sealed class CostModel
{
    /// <summary>What one request of an unknown class is taken for, in bytes: an export of some hundred megabytes is usual, more is rare.</summary>
    public const double UnknownBytes = 256e6;

    /// <summary>A class is learned after this many ended requests of which enough was seen.</summary>
    public const int EnoughRequests = 3;

    /// <summary>Or after so many that ended while others may have hidden what they took; twice as many at once may run after each <see cref="DoubtfulStep"/> of them.</summary>
    public const int EnoughDoubtful = 30;

    /// <summary>See <see cref="EnoughDoubtful"/>.</summary>
    public const int DoubtfulStep = 6;

    /// <summary>The expected peak falls by half in this time, so that a deploy that needs less is seen within minutes.</summary>
    public static readonly TimeSpan PeakHalfLife = TimeSpan.FromMinutes(10);

    /// <summary>The shares of the past count half after this time.</summary>
    private static readonly TimeSpan ShareHalfLife = TimeSpan.FromSeconds(30);

    /// <summary>Weight of a class that never grew, in bytes per second: it takes the blame when nothing else is there.</summary>
    private const double LeastRate = 64e3;

    /// <summary>Weight of a class that was not seen yet, in bytes per second.</summary>
    private const double UnknownRate = 20e6;

    /// <summary>By how much a kill raises what each of the requests in flight is expected to take.</summary>
    private const double KilledFactor = 1.1;

    /// <summary>No request fills memory faster, in bytes a second: a thread touches 2 GB/s in pages of 4 KB (measured), huge pages some times as much.</summary>
    private const double FastestFill = 8e9;

    /// <summary>What is left of the expected peak after a request that was over too soon to have taken it.</summary>
    private const double AfterQuick = 0.97;

    /// <summary>What is left of a suspicion after a request that was there while the app grew by less than half of it.</summary>
    private const double AfterAcquittal = 0.7;

    /// <summary>A request that takes more than that of what is expected of it is not believed to have taken it while there are others who may.</summary>
    private const double MostOfExpected = 1.25;

    /// <summary>A request that takes less than this part of the time of the one that was seen to be heavy is another kind of work: cold starts fill heaps, too.</summary>
    private const double MuchQuicker = 0.25;

    /// <summary>What is left of the worst growth of late with each request: half after 44.</summary>
    private const double WorstKept = 63.0 / 64;

    private readonly List<RouteClass> active = [];

    /// <summary>What counts as heavy, in bytes a request: a 64th of the limit, between 8 and 64 MB.</summary>
    /// <param name="limitBytes">The app's limit.</param>
    public static double HeavyBytes(long limitBytes) => Math.Clamp(limitBytes / 64.0, 8e6, 64e6);

    /// <summary>What a request of this class must be expected to take, in bytes.</summary>
    public static double Expected(RouteClass route) => route.Kind switch
    {
        RouteKind.Heavy => route.PeakBytes,
        RouteKind.Light => 0,
        _ => Math.Max(UnknownBytes, route.PeakBytes),
    };

    /// <summary>Shares the growth between two samples out.</summary>
    /// <param name="routes">Every class.</param>
    /// <param name="watched">The requests in flight that are watched one by one.</param>
    /// <param name="grown">By how much the app's memory grew, in bytes; negative when it shrank.</param>
    /// <param name="elapsed">Time between the samples.</param>
    /// <param name="now">Time of the second sample.</param>
    /// <param name="limitBytes">The app's limit.</param>
    public void Observe(IReadOnlyList<RouteClass> routes, IReadOnlyList<HeavyRequest> watched, double grown, TimeSpan elapsed, TimeSpan now, long limitBytes)
    {
        var seconds = elapsed.TotalSeconds;
        if (seconds <= 0) return;
        var keep = Math.Pow(0.5, seconds / ShareHalfLife.TotalSeconds);
        var keepPeak = Math.Pow(0.5, seconds / PeakHalfLife.TotalSeconds);
        double weights = 0;
        active.Clear();
        for (var i = 0; i < routes.Count; i++)
        {
            var route = routes[i];
            var (started, completed) = (route.Started, route.Completed);
            var ended = completed - route.CompletedBefore;
            // Who came and went between two samples was there for a part of the time only.
            var presence = Math.Max(route.InFlight, 0) + (ended > 0 ? Math.Min(ended, 1000) * Math.Min(0.5, route.Seconds / seconds) : 0);
            route.PeakBytes *= keepPeak;
            if (presence <= 0 && started == route.StartedBefore) continue;
            route.LastSeen = now;
            (route.StartedBefore, route.CompletedBefore) = (started, completed);
            route.AttributedBytes *= keep;
            route.ExposureSeconds = (route.ExposureSeconds * keep) + (presence * seconds);
            route.CompletedSoFar = (route.CompletedSoFar * keep) + ended;
            route.Presence = presence;
            if (presence <= 0) continue;
            active.Add(route);
            weights += Weight(route, presence);
        }

        for (var i = 0; i < watched.Count; i++)
        {
            watched[i].Readings++;
            watched[i].SeenBytes += Math.Max(0, grown);
            // Who came after it had ended, and before this reading, has brought a part.
            if (watched.Count == 1) watched[i].CleanBytes += Math.Max(0, grown);
        }

        if (weights > 0 && grown > 0) ShareOut(watched, grown, weights, now);
        foreach (var route in active)
        {
            route.GrowthRate = route.AttributedBytes / Math.Max(route.ExposureSeconds, 0.005);
            if (route.Kind == RouteKind.Light) JudgeLight(route, watched.Count == 0, limitBytes);
        }
    }

    /// <summary>
    /// What heavy requests were still expected to take is theirs before light classes are asked; and no more than that is theirs while classes that are not learned are there: with the processors
    /// shared out among many each grows more slowly than it would alone, so that rates would give all of it to those that were measured alone.
    /// </summary>
    private void ShareOut(IReadOnlyList<HeavyRequest> watched, double grown, double weights, TimeSpan now)
    {
        var (expected, most) = (0.0, 0.0);
        for (var i = 0; i < watched.Count; i++)
        {
            if (watched[i].Route.Kind != RouteKind.Heavy) continue;
            expected += Math.Max(0, watched[i].ExpectedBytes - watched[i].GrownBytes);
            most += Math.Max(0, (watched[i].ExpectedBytes * MostOfExpected) - watched[i].GrownBytes);
        }

        var (known, unlearned, light) = (0.0, 0.0, 0.0);
        foreach (var route in active)
        {
            var weight = Weight(route, route.Presence);
            if (route.Kind == RouteKind.Heavy) known += weight;
            else if (route.Kind == RouteKind.Light) light += weight;
            else unlearned += weight;
        }

        // By rates, each class has its share. Light ones are given what is left of it when the others have had what was expected of them,
        var toLight = known + unlearned > 0 ? Math.Max(0, grown - expected) * light / weights : grown;
        // and known ones no more than is expected of them where unlearned ones may have brought the rest.
        var toKnown = (grown - toLight) * (known > 0 ? known / (known + unlearned) : 0);
        if (unlearned > 0) toKnown = Math.Min(toKnown, most);
        var toUnlearned = grown - toLight - toKnown;
        foreach (var route in active)
        {
            var weight = Weight(route, route.Presence);
            var share = route.Kind switch
            {
                RouteKind.Heavy => toKnown * weight / known,
                RouteKind.Light => toLight * weight / light,
                _ => toUnlearned * weight / unlearned,
            };
            route.AttributedBytes += share;
            Distribute(route, watched, share, now);
        }
    }

    /// <summary>A watched request has ended, and a reading has come since: what it took counts for the next ones.</summary>
    /// <param name="request">It.</param>
    /// <param name="now">When it ended.</param>
    /// <param name="limitBytes">The app's limit.</param>
    /// <param name="reuses">The app holds memory that it may use again: what takes no more than that is not seen to take anything.</param>
    public static void Ended(HeavyRequest request, TimeSpan now, long limitBytes, bool reuses = false)
    {
        var route = request.Route;
        var took = now - request.AdmittedAt;
        var heavy = HeavyBytes(limitBytes);
        var most = took.TotalSeconds * FastestFill;
        var grown = Math.Min(request.GrownBytes, Math.Min(most, limitBytes));
        Seen(route, took);
        // A runtime that uses its heap again lets one request hide behind another: only what was there while little grew is known to be light.
        var decisive = most < heavy || (request.SeenBytes < heavy && !reuses);
        if (!request.Unseen && decisive) route.Measured++;
        else if (!request.Unseen) route.Doubtful++;
        Acquit(request, grown, most, took, heavy);
        if (Math.Min(grown, request.CleanBytes) >= heavy) (route.Confirmed, route.ConfirmedSeconds) = (true, Math.Max(route.ConfirmedSeconds, took.TotalSeconds));
        // A single one is a clean measurement; among others its share may be too high, and the highest of many shares surely is: a rise is believed by and by.
        if (grown > route.PeakBytes) route.PeakBytes = request.Alone || route.PeakBytes == 0 ? grown : route.PeakBytes + ((grown - route.PeakBytes) / (request.Unseen ? 16 : 4));
        // Rises quickly and falls slowly: nearer to the worst of the last ones than to their mean. What was not seen whole is no sign of using again.
        if (!request.Unseen || grown > route.RepeatPeakBytes) route.RepeatPeakBytes += (grown - route.RepeatPeakBytes) / (grown > route.RepeatPeakBytes ? 2 : 8);
        route.RepeatWorstBytes = Math.Max(grown, route.RepeatWorstBytes * WorstKept);
        // Until one has ended nobody knows what its usual time is.
        if (grown > route.PeakBytes / 4 && route.Completed > 1) route.LateShare += ((request.LateBytes / grown) - route.LateShare) / (route.LateShare == 1 ? 1 : 8);
        Judge(route, limitBytes);
    }

    /// <summary>A class that took the blame for its neighbours gets rid of it.</summary>
    private static void Acquit(HeavyRequest request, double grown, double most, TimeSpan took, double heavy)
    {
        var route = request.Route;
        if (route.PeakBytes <= 0 || route.Completed <= 1) return;
        var seen = Math.Max(request.SeenBytes, grown);
        if (!route.Confirmed && !request.Unseen && (seen < route.PeakBytes / 2 || most < route.PeakBytes)) route.PeakBytes *= AfterAcquittal;
        // Nor is the highest of many shares what it takes: their mean is nearer.
        else if (!route.Confirmed && grown < route.PeakBytes) route.PeakBytes += (grown - route.PeakBytes) / 8;
        else if (most < route.PeakBytes || (took.TotalSeconds < route.ConfirmedSeconds * MuchQuicker && seen < heavy / 2)) route.PeakBytes *= AfterQuick;
    }

    /// <summary>What stayed after a request that ran alone. A collection may have come just then, so that a fall is believed by and by only.</summary>
    public static void Stayed(RouteClass route, double bytes)
    {
        bytes = Math.Max(0, bytes);
        route.HeldBytes = route.HeldBytes == double.MaxValue || bytes > route.HeldBytes ? bytes : route.HeldBytes + ((bytes - route.HeldBytes) / 32);
    }

    /// <summary>The share of what a request of this class takes that stays with the app when it has ended, 0 to 1; all of it while that is not known.</summary>
    public static double KeptShare(RouteClass route) => route.PeakBytes > 0 ? Math.Min(1, route.HeldBytes / route.PeakBytes) : 1;

    /// <summary>The app was killed while a request of this class ran: it may take more than was thought.</summary>
    public static void Killed(RouteClass route, long limitBytes)
    {
        if (route.Kind == RouteKind.Heavy) route.PeakBytes = Math.Max(route.PeakBytes, Math.Min(route.PeakBytes * KilledFactor, limitBytes / 4.0));
    }

    /// <summary>The lane that fits what is known; a running request tells as soon as it has grown too much for a light one.</summary>
    public static void Judge(RouteClass route, long limitBytes)
    {
        var heavy = HeavyBytes(limitBytes);
        if (route.PeakBytes >= heavy) route.Kind = RouteKind.Heavy;
        // What is no longer believed is tried anew, a few at a time: heap that is used again hides what requests take.
        else if (route.Kind == RouteKind.Heavy && route.PeakBytes < heavy / 2) Unlearn(route);
        else if (route.Kind == RouteKind.Unlearned && (route.Measured >= EnoughRequests || (route.Doubtful >= EnoughDoubtful && route.PeakBytes < heavy / 4))) route.Kind = RouteKind.Light;
        // More of them at once did make it grow: fewer again.
        else if (route.Doubtful >= EnoughDoubtful || (route.PeakBytes >= heavy / 4 && route.Doubtful >= 2 * DoubtfulStep)) route.Doubtful /= 2;
    }

    private static void Unlearn(RouteClass route) =>
        (route.Kind, route.Measured, route.Doubtful, route.Confirmed, route.ConfirmedSeconds, route.AttributedBytes) = (RouteKind.Unlearned, 0, 0, false, 0, 0);

    /// <summary>A request of a light class has ended; only its duration is of interest.</summary>
    public static void Seen(RouteClass route, TimeSpan took)
    {
        var seconds = Math.Max(took.TotalSeconds, 0);
        route.Seconds = route.Seconds == 0 ? seconds : route.Seconds + ((seconds - route.Seconds) / 16);
    }

    private static double Weight(RouteClass route, double presence)
    {
        var rate = route.Kind == RouteKind.Unlearned && route.ExposureSeconds < 0.05 ? UnknownRate : Math.Max(route.GrowthRate, LeastRate);
        return presence * rate;
    }

    /// <summary>Among requests of one class, those grow that have not grown yet.</summary>
    private static void Distribute(RouteClass route, IReadOnlyList<HeavyRequest> watched, double share, TimeSpan now)
    {
        double sum = 0;
        for (var i = 0; i < watched.Count; i++)
            if (ReferenceEquals(watched[i].Route, route)) sum += Freshness(watched[i], now);
        if (sum <= 0) return;
        for (var i = 0; i < watched.Count; i++)
        {
            if (!ReferenceEquals(watched[i].Route, route)) continue;
            var part = share * Freshness(watched[i], now) / sum;
            watched[i].GrownBytes += part;
            if (watched[i].IsLate(now)) watched[i].LateBytes += part;
        }
    }

    private static double Freshness(HeavyRequest request, TimeSpan now) => request.Remaining(now) + (0.05 * request.ExpectedBytes) + 1;

    /// <summary>A class that was light takes a lot of late: its mean says so, since its requests are not watched one by one.</summary>
    private static void JudgeLight(RouteClass route, bool alone, long limitBytes)
    {
        var heavy = HeavyBytes(limitBytes);
        var requests = Math.Max(route.CompletedSoFar, route.InFlight);
        if (requests < 1 || route.AttributedBytes < 2 * heavy) return;
        var mean = route.AttributedBytes / requests;
        if (mean < heavy) return;
        route.PeakBytes = Math.Max(route.PeakBytes, mean);
        // Beside others it is suspected only.
        (route.Kind, route.Confirmed) = (RouteKind.Heavy, alone);
    }
}
