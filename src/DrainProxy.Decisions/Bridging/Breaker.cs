namespace DrainProxy.Decisions.Bridging;

/// <summary>What a request that comes now may do.</summary>
public enum Passage
{
    /// <summary>On to the app.</summary>
    Go,

    /// <summary>On to the app, alone: how it fares decides for the others.</summary>
    Probe,

    /// <summary>Wait: the app is away for the first time, or a probe is under way.</summary>
    Wait,

    /// <summary>No use in waiting: others have waited their whole time in vain.</summary>
    Refuse,
}

/// <summary>The state of a <see cref="Breaker"/>, named as everywhere.</summary>
public enum BreakerState
{
    /// <summary>Requests go to the app, or wait for it.</summary>
    Closed,

    /// <summary>A hold was exhausted: newcomers are refused at once.</summary>
    Open,

    /// <summary>The app was seen to answer again: one request tries it, the others wait.</summary>
    HalfOpen,
}

/// <summary>
/// Keeps requests from waiting for an app that others have waited for in vain, and a coming app from all of them at once. Opened by an
/// exhausted hold; half-open when the app is seen to answer (a listener that accepts); closed by the answer to the one request that is
/// let through then. A probe that is neither answered nor failed within <see cref="ProbeLimit"/> closes it, too: the app took the request,
/// and slow is not gone. A mutable value; its owner locks.
/// <code>
/// Closed ──Exhausted──► Open ──AppAnswers, or the pause is over while it does──► HalfOpen ──Answered, limit──► Closed
///                        ▲                                                         │
///                        └──────────────────AppGone, Failed────────────────────────┘
/// </code>
/// </summary>
public struct Breaker
{
    /// <summary>How long the others wait for the probe's answer.</summary>
    public static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(1);

    /// <summary>From a failed probe to the next, while the app's listener accepts: one lost request a second at most.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private bool appAnswers;
    private bool probing;

    public BreakerState State { get; private set; }

    /// <summary>Every request may go: nothing to ask.</summary>
    public readonly bool Admits => appAnswers && State == BreakerState.Closed;

    /// <summary>Nobody may go now, not even alone.</summary>
    public readonly bool Keeps => State switch
    {
        BreakerState.Closed => !appAnswers,
        BreakerState.HalfOpen => probing,
        _ => true,
    };

    /// <summary>What one more request may do; takes the probe's place when it is free.</summary>
    public Passage Ask()
    {
        switch (State)
        {
            case BreakerState.Closed:
                return appAnswers ? Passage.Go : Passage.Wait;
            case BreakerState.Open:
                return Passage.Refuse;
            default:
                if (probing) return Passage.Wait;
                probing = true;
                return Passage.Probe;
        }
    }

    /// <summary>The app is seen to answer.</summary>
    public void AppAnswers()
    {
        appAnswers = true;
        if (State == BreakerState.Open) HalfOpen();
    }

    /// <summary>The app is seen not to answer.</summary>
    public void AppGone()
    {
        appAnswers = false;
        if (State == BreakerState.HalfOpen) State = BreakerState.Open;
    }

    /// <summary>A request has waited its whole time. While the app answers that is the fault of the queue, not of the app.</summary>
    public void Exhausted()
    {
        if (!appAnswers && State == BreakerState.Closed) State = BreakerState.Open;
    }

    /// <summary>The probe has its answer, or has been under way for <see cref="ProbeLimit"/>.</summary>
    public void Answered()
    {
        if (State == BreakerState.HalfOpen && probing) State = BreakerState.Closed;
    }

    /// <summary>The probe failed while the app's listener accepts: <see cref="PauseOver"/> is due after <see cref="Pause"/>.</summary>
    public void Failed()
    {
        if (State == BreakerState.HalfOpen) State = BreakerState.Open;
    }

    /// <summary>The probe's client left: the next request is the probe.</summary>
    public void Abandoned() => probing = false;

    /// <summary>The pause after a failed probe is over.</summary>
    public void PauseOver()
    {
        if (State == BreakerState.Open && appAnswers) HalfOpen();
    }

    private void HalfOpen() => (State, probing) = (BreakerState.HalfOpen, false);
}
