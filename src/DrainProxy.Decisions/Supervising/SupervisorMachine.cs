namespace DrainProxy.Decisions.Supervising;

/// <summary>Where a supervised app stands.</summary>
public enum AppPhase
{
    /// <summary>Its process runs and does not answer yet; requests are held.</summary>
    Starting,

    /// <summary>It serves.</summary>
    Healthy,

    /// <summary>It serves, and the process that is to take over starts beside it.</summary>
    Replacing,

    /// <summary>The new side serves; the old one ends what it has in flight and is stopped.</summary>
    Retiring,

    /// <summary>It cannot run twice: requests are held while the only process ends what it has in flight and is stopped.</summary>
    Restarting,

    /// <summary>It ended by itself; requests are held until the pause is over.</summary>
    BackingOff,

    /// <summary>It is stopped for good.</summary>
    Stopping,

    /// <summary>No process of it is left.</summary>
    Stopped,
}

/// <summary>What happens to a supervised app. Events of a process that no longer counts are not told to the machine.</summary>
public enum AppEvent
{
    /// <summary>The process that starts answers.</summary>
    Answered,

    /// <summary>The process that serves (or starts alone) ended by itself.</summary>
    Exited,

    /// <summary>The process that was to take over ended by itself.</summary>
    NewExited,

    /// <summary>A watched file changed, or a replacement was asked for.</summary>
    Changed,

    /// <summary>The process that was to go is gone.</summary>
    OldGone,

    /// <summary>The pause after an exit is over.</summary>
    PauseOver,

    /// <summary>The app is to end for good.</summary>
    Stop,

    /// <summary>After <see cref="Stop"/>: no process is left.</summary>
    AllGone,
}

/// <summary>A phase, and what has to be remembered through it.</summary>
/// <param name="Phase">Where the app stands.</param>
/// <param name="SideBySide">Two processes of the app can run at once, on different ports.</param>
/// <param name="Stale">A change came while an old side was still going: it is due as soon as that one is gone.</param>
public readonly record struct AppState(AppPhase Phase, bool SideBySide, bool Stale = false)
{
    /// <summary>Which processes there are has been decided for the last time.</summary>
    public bool Ending => Phase >= AppPhase.Stopping;
}

/// <summary>
/// The one transition function of a supervised app; what is not drawn leaves the state as it is. At most two processes exist at a time.
/// <code>
///             ┌──────────PauseOver, Changed───────── BackingOff ◄──Exited── Starting, Healthy, Retiring
///             ▼
/// Starting ──Answered──► Healthy ──Changed (side by side)──► Replacing ──Answered──► Retiring ──OldGone──► Healthy
///   ▲    │                  │  ▲                              │   │
///   │  Changed           Changed (one at a time)    NewExited─┘   └─Exited: the new one is alone──► Starting
///   │    ▼                  ▼
///   └─OldGone── Restarting ◄┘
///        Stop: from everywhere to Stopping ──AllGone──► Stopped
/// </code>
/// A change while Replacing starts the new side anew and is therefore no change of phase; one while Retiring is remembered.
/// </summary>
public static class SupervisorMachine
{
    /// <summary>The state of an app whose first process has just been started.</summary>
    public static AppState Initial(bool sideBySide) => new(AppPhase.Starting, sideBySide);

    /// <summary>The state after an event.</summary>
    public static AppState Next(AppState state, AppEvent appEvent) => (state.Phase, appEvent) switch
    {
        (AppPhase.Starting, AppEvent.Answered) => state with { Phase = AppPhase.Healthy },
        (AppPhase.Replacing, AppEvent.Answered) => state with { Phase = AppPhase.Retiring },
        (AppPhase.Starting or AppPhase.Healthy or AppPhase.Retiring, AppEvent.Exited) => state with { Phase = AppPhase.BackingOff, Stale = false },
        (AppPhase.Replacing, AppEvent.Exited) => state with { Phase = AppPhase.Starting },
        (AppPhase.Replacing, AppEvent.NewExited) => state with { Phase = AppPhase.Healthy },
        (AppPhase.Healthy, AppEvent.Changed) => state with { Phase = state.SideBySide ? AppPhase.Replacing : AppPhase.Restarting },
        (AppPhase.Starting, AppEvent.Changed) => state with { Phase = AppPhase.Restarting },
        (AppPhase.Retiring, AppEvent.Changed) => state with { Stale = true },
        (AppPhase.BackingOff, AppEvent.Changed or AppEvent.PauseOver) => state with { Phase = AppPhase.Starting },
        (AppPhase.Retiring, AppEvent.OldGone) when state.Stale => state with { Phase = AppPhase.Replacing, Stale = false },
        (AppPhase.Retiring, AppEvent.OldGone) => state with { Phase = AppPhase.Healthy },
        (AppPhase.Restarting, AppEvent.OldGone) => state with { Phase = AppPhase.Starting },
        ( < AppPhase.Stopping, AppEvent.Stop) => state with { Phase = AppPhase.Stopping, Stale = false },
        (AppPhase.Stopping, AppEvent.AllGone) => state with { Phase = AppPhase.Stopped },
        _ => state,
    };
}
