using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Tests.Pressure.Simulation;

/// <summary>A heavy route with clients that ask again as soon as they are answered.</summary>
internal sealed record HeavyClients(string Path, int Clients, double Bytes, double HoldSeconds = 0.25);

/// <summary>What a busy machine does to a run.</summary>
/// <param name="Seed">Of what comes by chance.</param>
/// <param name="LightSeconds">How long light requests take; each up to twice as long.</param>
/// <param name="GapEvery">Seconds between two moments in which the sampler does not come to its turn.</param>
internal sealed record BusyMachine(int Seed, double LightSeconds = 0.08, double GapEvery = 0.7)
{
    /// <summary>How long the sampler may be late, in seconds.</summary>
    public (double Least, double Most) Gap { get; init; } = (0.05, 0.2);

    /// <summary>By how much a reading may be off, in bytes: page tables, kernel stocks, what ends meanwhile.</summary>
    public double Noise { get; init; } = 0.25e6;
}

/// <summary>What came of a run.</summary>
internal sealed record Outcome(int Exports, int Refused, int Killed, int Kills, int LightServed, int LightWaited, double LongestLightWait, int MostAtOnce, double Highest, int KillsAfterLearning)
{
    public override string ToString() =>
        $"exports {Exports}, refused {Refused}, killed {Killed}, kills {Kills} ({KillsAfterLearning} late), light {LightServed} ({LightWaited} waited, {LongestLightWait:0.000} s), most {MostAtOnce}, highest {Highest / 1e6:0} MB";
}

/// <summary>Clients, admission and a simulated app in one loop of 10 ms steps; microseconds a step, no clock.</summary>
internal sealed class SimulatedTraffic(SimulatedApp app, AdmissionSettings settings, IReadOnlyList<HeavyClients> heavy, double lightRate = 40)
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan Learning = TimeSpan.FromSeconds(5);
    private readonly RouteTable routes = new();
    private readonly List<(Call Ticket, SimulatedRequest Request)> running = [];
    private readonly List<Ticket> go = [];
    private readonly List<Ticket> refused = [];
    private AdmissionControl control = null!;
    private int exports;
    private int refusals;
    private int lightAsked;
    private int killed;
    private int lightServed;
    private int lightWaited;
    private double longestLightWait;
    private int blamedFor;

    public AdmissionControl Control => control;

    public RouteTable Routes => routes;

    /// <summary>Others have the processors, too; null for a machine of our own.</summary>
    public BusyMachine? Busy { get; init; }

    /// <summary>How many different light routes there are.</summary>
    public int LightRoutes { get; init; } = 1;

    /// <summary>Readings in a row with which a light route was taken for a heavy one, at most.</summary>
    public int LongestBlame { get; private set; }

    /// <summary>Called before each step.</summary>
    public Action<TimeSpan>? Before { get; init; }

    /// <summary>Nobody admits anything: every request goes to the app at once, or at most so many heavy ones.</summary>
    public int? Static { get; init; }

    public Outcome Run(double seconds)
    {
        control = new(settings, routes);
        // The program started long before.
        var now = TimeSpan.FromMinutes(1);
        var end = now + TimeSpan.FromSeconds(seconds);
        var idle = heavy.Select(h => h.Clients).ToArray();
        var (most, lateKills, lightDue) = (0, 0, 0.0);
        var learned = now + Learning;
        var (chance, lateUntil) = (Busy is null ? null : new Random(Busy.Seed), TimeSpan.Zero);
        for (; now < end; now += Step)
        {
            Before?.Invoke(now);
            if (chance is not null && now >= lateUntil && chance.NextDouble() < Step.TotalSeconds / Busy!.GapEvery)
                lateUntil = now + TimeSpan.FromSeconds(Busy.Gap.Least + (chance.NextDouble() * (Busy.Gap.Most - Busy.Gap.Least)));
            if (Static is null && now >= lateUntil)
            {
                control.Observe(Sample(now, chance));
                Blame();
            }

            Settle(now, idle);
            for (lightDue += lightRate * Step.TotalSeconds; lightDue >= 1; lightDue--) Ask(-1, now, idle);
            for (var kind = 0; kind < heavy.Count; kind++)
            {
                var more = Static is { } cap ? Math.Min(idle[kind], cap - running.Count(r => r.Ticket.Kind >= 0)) : idle[kind];
                for (; more > 0; more--) Ask(kind, now, idle);
            }

            var before = app.Kills;
            app.Step(Step);
            if (now >= learned) lateKills += app.Kills - before;
            most = Math.Max(most, running.Count(r => r.Ticket.Kind >= 0));
            End(now + Step, idle);
        }

        return new(exports, refusals, killed, app.Kills, lightServed, lightWaited, longestLightWait, most, app.Highest, lateKills);
    }

    private PressureSample Sample(TimeSpan now, Random? chance) =>
        new(now, MemoryMethod.Cgroup, (long)(app.Used + (chance is null ? 0 : chance.NextDouble() * Busy!.Noise)), app.Limit, 0, app.Kills, 0, 0, int.MaxValue);

    private void Blame()
    {
        blamedFor = Enumerable.Range(0, LightRoutes).Any(i => routes.Find("GET", LightPath(i)).Kind == RouteKind.Heavy) ? blamedFor + 1 : 0;
        LongestBlame = Math.Max(LongestBlame, blamedFor);
    }

    private static string LightPath(int number) => number == 0 ? "/" : $"/light{(char)('a' + number)}";

    private void Ask(int kind, TimeSpan now, int[] idle)
    {
        if (kind >= 0) idle[kind]--;
        var route = routes.Find("GET", kind < 0 ? LightPath(lightAsked++ % LightRoutes) : heavy[kind].Path);
        var ticket = new Call(route, kind, now);
        if (Static is not null || (route.Kind == RouteKind.Light && control.IsOpen))
        {
            if (Static is null) route.Enter();
            ticket.IsFast = true;
            Begin(ticket, now);
            return;
        }

        switch (control.Enter(ticket, now))
        {
            case Verdict.Pass:
                Begin(ticket, now);
                break;
            case Verdict.Refuse:
                Refuse(ticket, idle);
                break;
        }
    }

    private void Begin(Call ticket, TimeSpan now)
    {
        var waited = (now - ticket.Since).TotalSeconds;
        if (ticket.Kind < 0 && waited > 0)
        {
            lightWaited++;
            longestLightWait = Math.Max(longestLightWait, waited);
        }

        var request = ticket.Kind < 0 ? new SimulatedRequest(0, TimeSpan.FromSeconds(Busy is { } busy ? busy.LightSeconds * (1 + (lightServed % 7 / 7.0)) : 0)) : new(heavy[ticket.Kind].Bytes, TimeSpan.FromSeconds(heavy[ticket.Kind].HoldSeconds));
        app.Start(request);
        running.Add((ticket, request));
    }

    private void Refuse(Call ticket, int[] idle)
    {
        refusals++;
        if (ticket.Kind >= 0) idle[ticket.Kind]++;
    }

    private void Settle(TimeSpan now, int[] idle)
    {
        if (Static is not null) return;
        control.Pump(now, go, refused);
        foreach (var ticket in go) Begin((Call)ticket, now);
        foreach (var ticket in refused) Refuse((Call)ticket, idle);
        go.Clear();
        refused.Clear();
    }

    private void End(TimeSpan now, int[] idle)
    {
        for (var i = running.Count - 1; i >= 0; i--)
        {
            var (ticket, request) = running[i];
            if (!request.Done) continue;
            running.RemoveAt(i);
            if (Static is null)
            {
                if (ticket.IsFast) ticket.Route.Leave();
                else control.Leave(ticket, now);
            }

            if (request.Killed) killed++;
            else if (ticket.Kind >= 0) exports++;
            else lightServed++;
            if (ticket.Kind >= 0) idle[ticket.Kind]++;
        }

        Settle(now, idle);
    }

    private sealed class Call(RouteClass route, int kind, TimeSpan since) : Ticket(route, Priority.Normal, since)
    {
        public int Kind => kind;

        public bool IsFast { get; set; }
    }
}
