using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.BlackBox;
using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Decisions.Pressure.Ladder;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Admission;

/// <summary>What holds a request's place with the app.</summary>
internal readonly record struct Pass(RouteClass? Route, GateTicket? Ticket);

/// <summary>A request that waits or is watched; its turn comes with what keeps it, or nothing.</summary>
internal sealed class GateTicket(RouteClass route, Priority priority, TimeSpan since) : Ticket(route, priority, since)
{
    /// <summary>Set while it waits.</summary>
    public TaskCompletionSource<Refusal>? Turn { get; set; }
}

/// <summary>
/// Asks <see cref="AdmissionControl"/> for each request, and lets those go that waited. While nothing is watched and no cap is set, a request
/// pays one read; a light one otherwise a lookup of its route and two counts, without a lock. Driven by the sampler.
/// </summary>
internal sealed partial class AdmissionGate : IInFlightRequests
{
    private readonly ProxySettings settings;
    private readonly Lifecycle lifecycle;
    private readonly ProxyCounters counters;
    private readonly ILogger log;
    private readonly RouteTable routes = new();
    private readonly AdmissionControl control;
    private readonly Lock gate = new();
    private readonly List<Ticket> go = [];
    private readonly List<Ticket> refused = [];
    private volatile bool active;
    private volatile bool critical;
    private volatile bool byMemory;
    private volatile bool watches;

    public AdmissionGate(ProxySettings settings, Lifecycle lifecycle, ProxyCounters counters, ILogger log)
    {
        (this.settings, this.lifecycle, this.counters, this.log) = (settings, lifecycle, counters, log);
        control = new(new()
        {
            Reserve = settings.MemoryReserve,
            MaxInFlight = settings.MaxInFlight,
            QueueMost = settings.HoldMax,
            QueueTime = settings.HoldTimeout,
            ByMemory = settings.Shed != Shed.Off,
            Shadow = settings.Shed == Shed.Shadow,
        }, routes);
        active = settings.MaxInFlight > 0;
    }

    /// <summary>Raised when the last step of the ladder is taken or left, with whether only critical requests pass now.</summary>
    public event Action<bool>? OnlyCriticalChanged;

    /// <summary>Whether requests must ask at all.</summary>
    public bool IsActive => active;

    /// <summary>Only probes and critical requests pass.</summary>
    public bool OnlyCritical => critical;

    /// <summary>Told of each request that may take memory, before it asks for room; set before requests come.</summary>
    public Action BeforeWatched { get; set; } = static () => { };

    /// <summary>Whether a request that may take memory is with the app or waits for room. Any thread; takes no lock, and so may be a moment old.</summary>
    public bool Watches => watches;

    /// <summary>The route classes seen.</summary>
    public RouteTable Routes => routes;

    /// <summary>Reads what is decided; whoever is given it must not keep it.</summary>
    public T Read<T>(Func<AdmissionControl, T> read)
    {
        lock (gate) return read(control);
    }

    /// <summary>A request that goes on at once, or has to wait in <see cref="Wait"/>.</summary>
    /// <returns>False when it must wait or is refused; <paramref name="pass"/> then has a ticket.</returns>
    public bool TryEnter(Exchange exchange, out Pass pass, out Refusal refusal)
    {
        refusal = Refusal.None;
        var target = exchange.RawTarget.AsSpan();
        if (target.IsEmpty || target[0] != '/') target = exchange.Http.Request.Path.Value;
        var route = routes.Find(exchange.Http.Request.Method, target);
        if (route.Kind == RouteKind.Light && control.IsOpen)
        {
            route.Enter();
            pass = new(route, null);
            return true;
        }

        if (byMemory && route.Kind != RouteKind.Light) BeforeWatched();
        var now = lifecycle.Now;
        var ticket = new GateTicket(route, PriorityOf(exchange, target), now);
        pass = new(route, ticket);
        lock (gate)
        {
            switch (control.Enter(ticket, now))
            {
                case Verdict.Pass:
                    watches |= control.Heavy.Running.Count > 0;
                    if (settings.Shed == Shed.Shadow && ticket.Kept != Refusal.None) counters.RequestWouldBeShed(ReasonOf(ticket.Kept));
                    return true;
                case Verdict.Wait:
                    watches |= ticket.Lane == Lane.Heavy;
                    ticket.Turn = new(TaskCreationOptions.RunContinuationsAsynchronously);
                    counters.QueueStarted(ticket.Lane);
                    return false;
                default:
                    refusal = ticket.Kept;
                    return false;
            }
        }
    }

    /// <summary>Waits for the ticket's turn.</summary>
    /// <returns>What refuses it; none when it goes to the app now.</returns>
    /// <exception cref="OperationCanceledException">The client left, or the drain cuts.</exception>
    public async Task<Refusal> Wait(GateTicket ticket, CancellationToken clientGone)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(clientGone, lifecycle.Cut);
        try
        {
            return await ticket.Turn!.Task.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            Withdraw(ticket);
            throw;
        }
        finally
        {
            counters.QueueEnded(ticket.Lane);
        }
    }

    /// <summary>The request has left the app.</summary>
    public void Leave(in Pass pass, TimeSpan took)
    {
        if (pass.Ticket is not { } ticket)
        {
            pass.Route?.Leave();
            if (pass.Route is { } route) CostModel.Seen(route, took);
            return;
        }

        lock (gate)
        {
            control.Leave(ticket, lifecycle.Now);
            Pump();
        }
    }

    /// <inheritdoc/>
    public int CopyTo(Span<InFlightRequest> requests)
    {
        lock (gate)
        {
            var running = control.Heavy.Running;
            var count = Math.Min(running.Count, requests.Length);
            for (var i = 0; i < count; i++)
                requests[i] = new(running[i].Route.Name, running[i].AdmittedAt, (long)running[i].ExpectedBytes, running[i].Route.Kind == RouteKind.Unlearned);
            return count;
        }
    }

    /// <summary>The app was replaced, or has just come up.</summary>
    public void AppReplaced()
    {
        lock (gate) control.AppReplaced();
    }

    /// <summary>Takes a reading in; called by the sampler.</summary>
    public void Observe(PressureSample sample)
    {
        LadderStep? step = null;
        lock (gate)
        {
            if (control.Observe(sample)) step = control.Ladder.Step;
            Pump();
            byMemory = control.HasMemory;
            active = settings.MaxInFlight > 0 || byMemory || control.Waiting(Lane.Light) + control.Waiting(Lane.Heavy) > 0;
        }

        if (step is { } now) Changed(now, sample);
    }

    public static ShedReason ReasonOf(Refusal refusal) => refusal switch
    {
        Refusal.MaxInFlight => ShedReason.MaxInFlight,
        Refusal.QueueFull => ShedReason.QueueFull,
        Refusal.QueueTimeout => ShedReason.QueueTimeout,
        Refusal.Descriptors => ShedReason.Descriptors,
        _ => ShedReason.Memory,
    };

    private void Changed(LadderStep step, PressureSample sample)
    {
        LogStep(log, step, sample.UsedBytes >> 20, sample.LimitBytes == long.MaxValue ? 0 : sample.LimitBytes >> 20, Math.Round(Math.Min(control.TimeToOom.TotalSeconds, 1e6), 2));
        var only = step == LadderStep.OnlyCritical && settings.Shed == Shed.On;
        if (only == critical) return;
        critical = only;
        OnlyCriticalChanged?.Invoke(only);
    }

    private void Withdraw(GateTicket ticket)
    {
        lock (gate)
        {
            AdmissionControl.GiveUp(ticket);
            // Its turn may have come at this very moment.
            if (ticket.Turn!.Task is { IsCompletedSuccessfully: true, Result: Refusal.None }) control.Leave(ticket, lifecycle.Now);
            Pump();
        }
    }

    private void Pump()
    {
        control.Pump(lifecycle.Now, go, refused);
        watches = control.Heavy.Running.Count + control.Waiting(Lane.Heavy) > 0;
        foreach (var ticket in go) ((GateTicket)ticket).Turn!.TrySetResult(Refusal.None);
        foreach (var ticket in refused) ((GateTicket)ticket).Turn!.TrySetResult(ticket.Kept);
        go.Clear();
        refused.Clear();
    }

    private Priority PriorityOf(Exchange exchange, ReadOnlySpan<char> target)
    {
        if (target.IndexOf('?') is >= 0 and var query) target = target[..query];
        if (IsProbe(target, settings.AppHealth) || IsProbe(target, settings.HealthPath)) return Priority.Critical;
        foreach (var rule in settings.Priorities)
        {
            if (rule.Pattern is { } pattern && PriorityRule.Fits(pattern, target)) return rule.Priority;
            if (rule.Header is { } header && exchange.Http.Request.Headers.TryGetValue(header, out var value) && PriorityRule.Word(value.ToString()) is { } said) return said;
        }

        return Priority.Normal;
    }

    private static bool IsProbe(ReadOnlySpan<char> target, string? path) => path is not null && target.SequenceEqual(path);

    [LoggerMessage(240, LogLevel.Warning, "Memory pressure: {Step}; {UsedMi} of {LimitMi} MiB, {TimeToOomSeconds} s to the limit at this pace", EventName = "memory_pressure")]
    private static partial void LogStep(ILogger log, LadderStep step, long usedMi, long limitMi, double timeToOomSeconds);
}
