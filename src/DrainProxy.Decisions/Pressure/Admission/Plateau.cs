namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// How many heavy requests at once the app has been seen to bear, in bytes of expected cost. A collector leaves garbage of unknown size beside
/// what is in use, or reuses what it kept: neither follows from costs, so it is tried. From one request on, one more after each window whose
/// highest reading leaves room for the forecast of one more; one less when a window leaves the band; tried again later and later where it failed.
/// </summary>
public sealed class Plateau
{
    /// <summary>A window is at least this long.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(1.5);

    /// <summary>And sees each place used so often, so that what requests leave behind is part of it.</summary>
    public const int EndsPerPlace = 5;

    /// <summary>A window without enough ends is closed after this time all the same.</summary>
    public static readonly TimeSpan LongestWindow = TimeSpan.FromSeconds(10);

    /// <summary>After a failure one more is tried not before this time; doubled with each further failure.</summary>
    public static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);

    /// <summary>The longest time until it is tried again: a deploy or another limit must be learned anew.</summary>
    public static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(80);

    /// <summary>After a decrease, time for what is left behind to be collected.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(3);

    /// <summary>One more may come with as much garbage again as it uses (puma: 1.2 to 1.6 times its cost); what an app with one request alone has taken beyond that is its heap, and does not grow with each.</summary>
    private const double MostPerByte = 2;

    /// <summary>A step that was seen to bring more than that is believed up to here (puma: 2.6 times the cost where a third request meets two in one worker).</summary>
    private const double MostPerStep = 3;

    /// <summary>What is left of the steepest step with each window: a deploy that needs less is tried within minutes.</summary>
    private const double SteepestKept = 0.995;

    /// <summary>What is killed is not tried again for this time.</summary>
    private static readonly TimeSpan DeadlyFor = TimeSpan.FromMinutes(10);

    /// <summary>Share of the limit within which a reading stands still.</summary>
    private const double Standing = 0.01;

    /// <summary>Share of the limit by which a window may be above those before it at the same level and still count as nothing new.</summary>
    private const double Settled = 0.02;

    /// <summary>Part of a request's memory that a late collection leaves beside the forecast: with all of it puma stayed at four at once in 1500 MiB, with three quarters at five.</summary>
    private const double LateShare = 0.75;

    /// <summary>Near the ceiling so many windows without a new high end a level.</summary>
    private const int SettledWindows = 2;

    /// <summary>By how much a step may bring more than was forecast before it is taken back.</summary>
    private const double StepSlack = 1.15;

    /// <summary>Costs are learned and differ by a little from request to request.</summary>
    private const double Slack = 1.01;

    private readonly double[] recent = new double[3];
    private TimeSpan since;
    private double highest;
    private double lowest;
    private double load;
    private int ends;
    private int windows;
    private double unit;
    private double levelHighest;
    private double steepest;
    private double keptShare;
    private int settledWindows;
    private double stepFrom;
    private double stepLoad;
    private double stepMost = double.MaxValue;
    private double floor = double.MaxValue;
    private double lastLimit;
    private double deadly = double.MaxValue;
    private TimeSpan deadlyUntil;
    private TimeSpan retryAt;
    private TimeSpan lessAt;
    private TimeSpan retry = FirstRetry;

    /// <summary>Sum of expected costs that may run at once, in bytes; one request may in any case.</summary>
    public double FitsBytes { get; private set; }

    /// <summary>The highest sum that has run for a whole window and stayed within the ceiling, in bytes: beyond it, one more takes memory that nobody has used yet.</summary>
    public double ProvenBytes { get; private set; }

    /// <summary>Up to where the app may be seen to stand, in bytes: garbage may stand in the first half of the reserve, and there is room for one more request that runs alone.</summary>
    public double CeilingBytes { get; private set; }

    /// <summary>The same as a number of the costliest kind seen; at least 1.</summary>
    public int Fits => unit > 0 ? Math.Max(1, (int)((FitsBytes / unit) + 0.01)) : 1;

    /// <summary>The highest reading of the last windows, in bytes.</summary>
    public double HighestBytes => Math.Max(highest, recent.Max());

    /// <summary>What the app stands above the lowest that it was seen at, in bytes.</summary>
    public double HeldBytes => floor == double.MaxValue ? 0 : Math.Max(0, highest - floor);

    /// <summary>Whether so much more fits beside what runs.</summary>
    public bool Allows(double runningBytes, double moreBytes) => runningBytes + moreBytes <= Math.Max(FitsBytes, moreBytes) * Slack;

    /// <summary>A heavy request has ended well.</summary>
    public void Ended() => ends++;

    /// <summary>Takes a sample in.</summary>
    /// <param name="now">Its time.</param>
    /// <param name="used">What the app holds, in bytes.</param>
    /// <param name="running">Sum of the expected costs of the heavy requests in flight, in bytes.</param>
    /// <param name="cost">What the costliest of those running or waiting may take; 0 when there are none.</param>
    /// <param name="top">What may be filled, in bytes.</param>
    /// <param name="limit">The app's limit, in bytes.</param>
    /// <param name="kept">The share of what a request took that stays with the app when it has ended, 0 to 1.</param>
    public void Observe(TimeSpan now, double used, double running, double cost, double top, double limit, double kept = 0)
    {
        keptShare = kept;
        if (cost > 0) unit = cost;
        FitsBytes = Math.Max(FitsBytes, unit);
        CeilingBytes = limit - Math.Max((limit - top) / 2, Math.Min(unit, limit / 3));
        if (limit < lastLimit) Lowered(now);
        else if (limit > lastLimit) retryAt = now;
        lastLimit = limit;
        if (running <= 0 && load <= 0)
        {
            // Nothing heavy: a window would say nothing.
            (since, highest, lowest, ends) = (now, used, used, 0);
            floor = Math.Min(floor, used);
            return;
        }

        floor = Math.Min(floor, used);

        var rises = used > highest && used - lowest >= Standing * limit;
        highest = Math.Max(highest, used);
        lowest = Math.Min(lowest, used);
        load = Math.Max(load, running);
        // A new high above the ceiling is acted on at once, not when its window ends.
        if (rises && used > CeilingBytes) Less(now, limit);
        else if (rises && used > stepMost && used + (2 * unit) > CeilingBytes && FitsBytes > ProvenBytes) StepBack(now);
        var age = now - since;
        if (age < Window || (ends < EndsPerPlace * Fits && age < LongestWindow)) return;
        Close(now, top, limit);
        (since, highest, lowest, load, ends) = (now, used, used, running, 0);
    }

    /// <summary>The app was killed: what was tried was too much, and is not tried again for long.</summary>
    public void Killed(TimeSpan now)
    {
        (deadly, deadlyUntil) = (FitsBytes, now + DeadlyFor);
        FitsBytes = ProvenBytes = Math.Max(unit, FitsBytes / 2);
        Fail(now);
        Reset();
    }

    /// <summary>The app was replaced: it begins anew.</summary>
    public void Replaced()
    {
        FitsBytes = ProvenBytes = unit;
        floor = double.MaxValue;
        Reset();
    }

    private void Reset()
    {
        Array.Clear(recent);
        (highest, load, ends, windows) = (0, 0, 0, 0);
        (stepLoad, stepMost) = (0, double.MaxValue);
    }

    private void Close(TimeSpan now, double top, double limit)
    {
        recent[windows++ % recent.Length] = highest;
        var most = recent.Max();
        if (highest > CeilingBytes && highest - lowest < Standing * limit)
        {
            // It stands there and does not grow: retained heap, no reason to give up what runs within it.
            return;
        }

        if (highest > CeilingBytes)
        {
            Less(now, limit);
            return;
        }

        ProvenBytes = Math.Max(ProvenBytes, load);
        steepest *= SteepestKept;
        // The step to the second one fills what the app keeps for itself (the second worker), and does not come again.
        if (stepLoad > 1.5 * unit && load > stepLoad + (unit / 2)) steepest = Math.Max(steepest, (highest - stepFrom) / (load - stepLoad));
        // Only what has run full can tell of one more.
        if (load + (unit * 0.98) <= FitsBytes * Slack || now < retryAt) return;
        var forecast = unit * Math.Max(Math.Clamp(PerByte, 1, MostPerByte), Math.Min(steepest, MostPerStep));
        // Near the ceiling a level must have stopped to bring new highs: what one window shows is not yet the worst of what its garbage comes to.
        settledWindows = highest <= levelHighest + (Settled * limit) ? settledWindows + 1 : 0;
        levelHighest = Math.Max(levelHighest, highest);
        // Beside others a collection that comes late leaves as much as one request once more; fewer at once would then not have it back, and a step too far costs more than one too few.
        var late = load > 1.5 * unit ? unit * keptShare * LateShare : 0;
        if (most + forecast + late > Math.Min(CeilingBytes, top) || (settledWindows < SettledWindows && most + (2 * forecast) + late > CeilingBytes)) return;
        // With room for four whole requests for each by half as many again, else one at a time.
        var more = unit * Math.Max(1, Math.Floor(Math.Min((CeilingBytes - most) / forecast / 4, FitsBytes / unit / 2)));
        if (FitsBytes + more > (deadly - (unit / 2)) && now < deadlyUntil) return;
        (stepFrom, stepLoad, stepMost) = (most, load, most + (Math.Max(1, more / unit) * forecast * StepSlack));
        FitsBytes += more;
        (levelHighest, settledWindows) = (0, 0);
        if (now - retryAt > retry) retry = FirstRetry;
    }

    /// <summary>One more has brought more than was forecast: what ran before is known to fit, and what it would come to is not waited for.</summary>
    private void StepBack(TimeSpan now)
    {
        FitsBytes = Math.Max(unit, ProvenBytes);
        stepMost = double.MaxValue;
        (levelHighest, settledWindows) = (0, 0);
        Fail(now);
    }

    private void Less(TimeSpan now, double limit)
    {
        // What the last decrease has left to be collected takes a while.
        if (now < lessAt || FitsBytes <= unit) return;
        lessAt = now + Settling;
        // Near the limit: a quarter less, else one less.
        FitsBytes = HighestBytes > (CeilingBytes + limit) / 2 ? Math.Max(unit, Math.Min(FitsBytes - unit, FitsBytes * 0.75)) : Math.Max(unit, FitsBytes - unit);
        ProvenBytes = Math.Min(ProvenBytes, FitsBytes);
        (levelHighest, settledWindows) = (0, 0);
        Fail(now);
    }

    /// <summary>What the app takes for each byte that its requests are expected to: their garbage and what a heap cannot use again come with what is in use, and grow with it.</summary>
    private double PerByte => load > 0 ? (HighestBytes - floor) / load : 1;

    /// <summary>What was tried under another limit is tried anew, from what fits below this one.</summary>
    private void Lowered(TimeSpan now)
    {
        if (lastLimit <= 0 || FitsBytes <= 0 || floor == double.MaxValue) return;
        var each = Math.Clamp((HighestBytes - floor) / Math.Max(ProvenBytes, unit), 1, MostPerByte);
        FitsBytes = Math.Max(unit, Math.Min(FitsBytes, (CeilingBytes - floor) / each));
        ProvenBytes = Math.Min(ProvenBytes, FitsBytes);
        Fail(now);
    }

    private void Fail(TimeSpan now)
    {
        // Failures one after the other are the same one: what stands there takes its time to go.
        if (now >= retryAt && retryAt > TimeSpan.Zero) retry = retry * 2 < LongestRetry ? retry * 2 : LongestRetry;
        retryAt = now + retry;
    }
}
