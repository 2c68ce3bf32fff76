namespace DrainProxy.Decisions.Draining;

/// <summary>What happens to the process, as far as its phase is concerned.</summary>
public enum DrainEvent
{
    /// <summary>Every app answers.</summary>
    AppUp,

    /// <summary>An app does not answer.</summary>
    AppDown,

    /// <summary>One of the triggers; idempotent, the first one wins.</summary>
    Terminate,

    /// <summary>The linger time has passed.</summary>
    LingerOver,

    /// <summary>Nothing in flight, nothing arriving: see <see cref="Evidence"/>.</summary>
    TrafficGone,

    /// <summary>The time to wait for evidence has passed.</summary>
    DrainDeadline,

    /// <summary>Every connection is closed.</summary>
    ConnectionsGone,

    /// <summary>The time to close connections has passed.</summary>
    ClosingDeadline,

    /// <summary>A second signal or the hard deadline: no more waiting.</summary>
    Cut,
}

/// <summary>A phase with its beginning, and the termination that it belongs to.</summary>
/// <param name="Phase">Where the process stands.</param>
/// <param name="Since">When the phase began, as time since the process started.</param>
/// <param name="Trigger">What started the termination; null before.</param>
/// <param name="TerminatedAt">t0 of the termination, as time since the process started; null before.</param>
public readonly record struct DrainState(Phase Phase, TimeSpan Since, Trigger? Trigger = null, TimeSpan? TerminatedAt = null)
{
    /// <summary>From the trigger on, <see cref="Phase.Drained"/> included.</summary>
    public bool Terminating => Phase >= Phase.Lingering;
}

/// <summary>
/// The one transition function of the lifecycle. Pairs that are not drawn leave the state as it is: events come from several sources at
/// once, and a late one must change nothing. TrafficGone while Lingering is not drawn on purpose: silence proves nothing while endpoint
/// updates may still be on their way, so evidence can only lengthen the linger.
/// <code>
/// Starting ──AppUp──► Serving ◄──AppUp── Unready
///     │                 │  └──AppDown──────►│
///     └────Terminate────┴─────Terminate─────┘
///                       ▼
///                   Lingering ──LingerOver──► Draining
///                       │ DrainDeadline          │ TrafficGone, DrainDeadline
///                       └───────────┬────────────┘
///                                   ▼
///                                Closing ──ConnectionsGone, ClosingDeadline──► Drained
///        Cut: from Lingering, Draining and Closing straight to Drained
/// </code>
/// </summary>
public static class DrainMachine
{
    /// <summary>The state of a process that has just started.</summary>
    public static DrainState Initial(TimeSpan now) => new(Phase.Starting, now);

    /// <summary>The state after an event.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="drainEvent">What happened.</param>
    /// <param name="trigger">Required with <see cref="DrainEvent.Terminate"/>, ignored otherwise.</param>
    /// <param name="now">Time since the process started.</param>
    /// <exception cref="ArgumentNullException"><see cref="DrainEvent.Terminate"/> came without its trigger.</exception>
    public static DrainState Next(DrainState state, DrainEvent drainEvent, Trigger? trigger, TimeSpan now)
    {
        if (drainEvent == DrainEvent.Terminate && trigger is null) throw new ArgumentNullException(nameof(trigger));
        var next = (state.Phase, drainEvent) switch
        {
            (Phase.Starting or Phase.Unready, DrainEvent.AppUp) => Phase.Serving,
            (Phase.Serving, DrainEvent.AppDown) => Phase.Unready,
            (Phase.Starting or Phase.Serving or Phase.Unready, DrainEvent.Terminate) => Phase.Lingering,
            (Phase.Lingering, DrainEvent.LingerOver) => Phase.Draining,
            (Phase.Draining, DrainEvent.TrafficGone) => Phase.Closing,
            (Phase.Lingering or Phase.Draining, DrainEvent.DrainDeadline) => Phase.Closing,
            (Phase.Closing, DrainEvent.ConnectionsGone or DrainEvent.ClosingDeadline) => Phase.Drained,
            (Phase.Lingering or Phase.Draining or Phase.Closing, DrainEvent.Cut) => Phase.Drained,
            _ => state.Phase,
        };
        if (next == state.Phase) return state;
        return drainEvent == DrainEvent.Terminate
            ? new(next, now, trigger, now)
            : state with { Phase = next, Since = now };
    }
}
