using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Decisions.Pressure.Ladder;

namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// Who goes to the app now, who waits and who is refused. Light requests do not come here unless something is short (<see cref="IsOpen"/>).
/// Not thread-safe: the owner locks, and tells the tickets what <see cref="Pump"/> has decided when it has unlocked.
/// </summary>
public sealed class AdmissionControl(AdmissionSettings settings, RouteTable routes)
{
    /// <summary>Readings older than this say nothing of what is free: as many heavy requests go on as were seen to fit.</summary>
    public static readonly TimeSpan Stale = TimeSpan.FromSeconds(2);

    /// <summary>Readings older than this are none: a source that has gone silent stops nobody.</summary>
    public static readonly TimeSpan Silent = TimeSpan.FromSeconds(5);

    /// <summary>Beside others a heavy request waits for the next reading when the last one is older than this, and older than four usual pauses: 200 MB appear in a tenth of a second (measured).</summary>
    public static readonly TimeSpan Late = TimeSpan.FromMilliseconds(50);

    /// <summary>Light requests let go with each sample when a stop ends, so that they do not all come at once.</summary>
    public const int LightAtOnce = 16;

    /// <summary>How much a kill widens the reserve, as a factor of it; halved every five minutes.</summary>
    private const double CautionPerKill = 0.5;
    private const double MostCaution = 2;
    private static readonly TimeSpan CautionHalfLife = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ForgetAfter = TimeSpan.FromMinutes(2);

    private readonly CostModel costs = new();
    private readonly HeavyLane heavy = new();
    private readonly WaitingLine light = new(settings.QueueMost, settings.QueueTime);
    private readonly WaitingLine trial = new(settings.QueueMost, settings.QueueTime);
    private readonly WaitingLine heavyLine = new(settings.QueueMost, settings.QueueTime);
    private readonly List<Ticket> trials = [];
    private readonly List<Ticket> ended = [];
    private readonly List<Ticket> watched = [];
    private MemoryBand band;
    private EarlySignals signals;
    private Forecast forecast;
    private GrowthFilter growth;
    private PressureLadder ladder;
    private PressureSample last;
    private double caution;
    private TimeSpan pause;
    private int inFlight;
    private Ticket? lastAlone;
    private double usedAtEnd;
    private readonly bool canWait = settings.QueueTime > TimeSpan.Zero && settings.QueueMost > 0;
    private bool open = settings.MaxInFlight == 0;

    /// <summary>Requests of light classes may pass without asking. Read by any thread.</summary>
    public bool IsOpen => Volatile.Read(ref open);

    /// <summary>What the last sample said.</summary>
    public PressureSample Last => last;

    /// <summary>Whether memory decides: it is watched and has a limit.</summary>
    public bool HasMemory => settings.ByMemory && last.Method != MemoryMethod.None && last.LimitBytes is > 0 and < long.MaxValue;

    /// <summary>Up to where requests are admitted, in bytes.</summary>
    public double TopBytes => band.TopBytes;

    /// <summary>What the app holds between heavy requests, in bytes.</summary>
    public double BaselineBytes => band.BaselineBytes;

    /// <summary>Where the ladder stands, and since when.</summary>
    public (LadderStep Step, TimeSpan Since) Ladder => (ladder.Step, ladder.Since);

    /// <summary>Time until the app's memory is full at the present growth.</summary>
    public TimeSpan TimeToOom => HasMemory ? forecast.TimeToOom : TimeSpan.MaxValue;

    /// <summary>The watched requests with the app.</summary>
    public HeavyLane Heavy => heavy;

    /// <summary>Requests that wait in a lane.</summary>
    public int Waiting(Lane lane) => lane == Lane.Light ? light.Count : trial.Count + heavyLine.Count;

    /// <summary>A request asks to go on.</summary>
    public Verdict Enter(Ticket ticket, TimeSpan now)
    {
        var line = LineOf(ticket);
        ticket.Lane = ReferenceEquals(line, light) ? Lane.Light : Lane.Heavy;
        ticket.Kept = Refused(ticket);
        if (ticket.Kept != Refusal.None && !settings.Shadow) return Verdict.Refuse;
        if (ticket.Kept == Refusal.None) ticket.Kept = Keeps(ticket, now);
        if ((settings.Shadow && ticket.Kept != Refusal.MaxInFlight) || (ticket.Kept == Refusal.None && line.Count == 0))
        {
            Start(ticket, now);
            return Verdict.Pass;
        }

        if (line.TryAdd(ticket)) return Verdict.Wait;
        // Without a queue the reason is what keeps it; with one, that it is full.
        if (settings.QueueTime > TimeSpan.Zero && settings.QueueMost > 0) ticket.Kept = Refusal.QueueFull;
        else if (ticket.Kept == Refusal.None) ticket.Kept = ticket.Lane == Lane.Heavy ? Refusal.Memory : Refusal.MaxInFlight;
        return Verdict.Refuse;
    }

    /// <summary>A request has left the app.</summary>
    public void Leave(Ticket ticket, TimeSpan now)
    {
        inFlight--;
        ticket.Route.Leave();
        ticket.EndedAt = now;
        // What it took since the last reading is seen with the next one.
        if (heavy.End(ticket, now) && HasMemory) ended.Add(ticket);
        else CostModel.Seen(ticket.Route, now - ticket.AdmittedAt);
        (lastAlone, usedAtEnd) = (ticket.Alone ? ticket : null, last.UsedBytes);
    }

    /// <summary>A request waits no longer: its client has left.</summary>
    public static void GiveUp(Ticket ticket) => WaitingLine.Remove(ticket);

    /// <summary>Takes a sample in. Call <see cref="Pump"/> afterwards.</summary>
    /// <returns>True when the ladder's step has changed.</returns>
    public bool Observe(in PressureSample sample)
    {
        var (before, elapsed) = (last, sample.At - last.At);
        last = sample;
        // A short pause is the pace while there is work; what is longer is rest or a busy machine, and is believed by and by.
        pause = elapsed < pause ? elapsed : pause + ((elapsed - pause) / 16);
        signals.Observe(sample);
        var changed = false;
        if (!HasMemory)
        {
            ended.Clear();
            changed = ladder.Reset(sample.At);
        }
        else if (before.LimitBytes > 0 && before.Method == sample.Method && elapsed > TimeSpan.Zero)
        {
            changed = Learn(before, elapsed);
        }

        Volatile.Write(ref open, settings.MaxInFlight == 0 && !signals.Closed && light.Count == 0 && ladder.Step < LadderStep.SheddableStopped);
        return changed;
    }

    /// <summary>Says who goes now and who has waited in vain. Call after each sample and whenever a ticket has left.</summary>
    /// <param name="now">The time.</param>
    /// <param name="go">Gets those that go to the app; they count as gone there already.</param>
    /// <param name="refused">Gets those that are refused, their reason in <see cref="Ticket.Kept"/>.</param>
    public void Pump(TimeSpan now, List<Ticket> go, List<Ticket> refused)
    {
        if (light.Count + trial.Count + heavyLine.Count == 0) return;
        Expire(light, now, refused);
        Expire(trial, now, refused);
        Expire(heavyLine, now, refused);
        // Where both lanes wait for the same thing (`--max-in-flight`), the light one goes first, but not for ever.
        if (heavyLine.Stands(now)) Drain(heavyLine, now, go, 1);
        Drain(light, now, go, LightAtOnce);
        PumpTrials(now, go);
        Drain(heavyLine, now, go, int.MaxValue);
    }

    /// <summary>The app was replaced: what it stood at says nothing any more; what requests cost does.</summary>
    public void AppReplaced() => heavy.Plateau.Replaced();

    private bool Learn(in PressureSample before, TimeSpan elapsed)
    {
        var kills = last.OomKills - before.OomKills;
        if (kills > 0)
        {
            caution = Math.Min(MostCaution, caution + (CautionPerKill * kills));
            heavy.Plateau.Killed(last.At);
            foreach (var ticket in heavy.Running) CostModel.Killed(ticket.Route, last.LimitBytes);
        }

        caution *= Math.Pow(0.5, elapsed / CautionHalfLife);
        band.Observe(last, settings.Reserve * (1 + caution), heavy.Running.Count > 0);
        forecast.Observe(last);
        LearnCosts(growth.Observe(last.UsedBytes, last.LimitBytes), elapsed);
        heavy.Observe(last, band.TopBytes);
        routes.Forget(last.At, ForgetAfter);
        LearnHeld();
        return ladder.Observe(new(last.At, last.UsedBytes, band.TopBytes, last.LimitBytes, forecast.TimeToOomNow, heavy.Running.Count > 0));
    }

    private void LearnCosts(double grown, TimeSpan elapsed)
    {
        watched.Clear();
        watched.AddRange(heavy.Running);
        watched.AddRange(ended);
        if (IsLate(elapsed))
            foreach (var ticket in watched) ticket.LateFor = elapsed > ticket.LateFor ? elapsed : ticket.LateFor;
        costs.Observe(routes.All, watched, grown, elapsed, last.At, last.LimitBytes);
        foreach (var ticket in ended) CostModel.Ended(ticket, ticket.EndedAt, last.LimitBytes, heavy.Reuses(CostModel.HeavyBytes(last.LimitBytes)));
        ended.Clear();
    }

    /// <summary>What stayed when a request that ran alone had ended.</summary>
    private void LearnHeld()
    {
        if (heavy.Running.Count > 0) return;
        if (lastAlone is { Route.Kind: RouteKind.Heavy } alone) CostModel.Stayed(alone.Route, alone.Route.PeakBytes - Math.Max(0, usedAtEnd - last.UsedBytes));
        lastAlone = null;
    }

    private void Start(Ticket ticket, TimeSpan now)
    {
        inFlight++;
        ticket.Route.Enter();
        if (ticket.Route.Kind == RouteKind.Light || !HasMemory) ticket.AdmittedAt = now;
        else heavy.Start(ticket, now);
    }

    private Refusal Refused(Ticket ticket) =>
        HasMemory && ticket.Priority == Priority.Sheddable && ladder.Step >= LadderStep.SheddableStopped ? Refusal.Memory : Refusal.None;

    private Refusal Keeps(Ticket ticket, TimeSpan now)
    {
        if (settings.MaxInFlight > 0 && inFlight >= settings.MaxInFlight) return Refusal.MaxInFlight;
        if (ticket.Priority != Priority.Critical && signals.Closed) return Refusal.Descriptors;
        var age = now - last.At;
        if (!HasMemory || age > Silent) return Refusal.None;
        if (ticket.Priority != Priority.Critical && ladder.Step == LadderStep.OnlyCritical) return Refusal.Memory;
        var fits = ticket.Route.Kind switch
        {
            RouteKind.Light => true,
            _ when age > Stale => heavy.FitsUnseen(ticket.Route),
            _ when IsLate(age) && heavy.Running.Count > 0 && canWait => false,
            RouteKind.Heavy when ticket.Route.Confirmed || heavyLine.Count == 0 => heavy.Fits(ticket.Route, last.UsedBytes, band.TopBytes, last.LimitBytes, now),
            RouteKind.Heavy => heavy.FitsSuspected(ticket.Route, last.UsedBytes, band.TopBytes, now),
            _ => heavy.TrialFits(ticket.Route, last.UsedBytes, band.TopBytes, now, CostModel.HeavyBytes(last.LimitBytes)),
        };
        return fits ? Refusal.None : Refusal.Memory;
    }

    private bool IsLate(TimeSpan age) => age > Late && age > 4 * pause;

    private WaitingLine LineOf(Ticket ticket)
    {
        if (!HasMemory) return light;
        return ticket.Route.Kind switch { RouteKind.Light => light, RouteKind.Heavy when ticket.Route.Confirmed => heavyLine, _ => trial };
    }

    private static void Expire(WaitingLine line, TimeSpan now, List<Ticket> refused)
    {
        var first = refused.Count;
        line.TakeExpired(now, refused);
        for (var i = first; i < refused.Count; i++) refused[i].Kept = Refusal.QueueTimeout;
    }

    private void Drain(WaitingLine line, TimeSpan now, List<Ticket> go, int most)
    {
        for (; most > 0 && line.Next(now) is { } next; most--)
        {
            next.Kept = Keeps(next, now);
            if (next.Kept != Refusal.None) return;
            line.Take(next);
            Start(next, now);
            go.Add(next);
        }
    }

    /// <summary>Unlearned and suspected requests do not keep each other: each class has its own trial. Those whose class was learned meanwhile move on.</summary>
    private void PumpTrials(TimeSpan now, List<Ticket> go)
    {
        trials.Clear();
        trial.CopyTo(trials);
        foreach (var ticket in trials)
        {
            if (ticket.Route is { Kind: RouteKind.Heavy, Confirmed: true })
            {
                WaitingLine.Remove(ticket);
                heavyLine.Insert(ticket);
                continue;
            }

            ticket.Kept = Keeps(ticket, now);
            if (ticket.Kept != Refusal.None) continue;
            trial.Take(ticket);
            Start(ticket, now);
            go.Add(ticket);
        }
    }
}
