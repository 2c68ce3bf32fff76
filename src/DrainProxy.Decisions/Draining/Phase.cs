namespace DrainProxy.Decisions.Draining;

/// <summary>Where the process stands between start and exit. Lower-case names are the contract's (`/state`, metric `phase`).</summary>
public enum Phase
{
    /// <summary>Listeners are bound, requests are held until the app answers.</summary>
    Starting,

    /// <summary>The app answers; readiness is 200.</summary>
    Serving,

    /// <summary>Trouble that passes: the app is gone. Requests are still held and served.</summary>
    Unready,

    /// <summary>Terminating; everything is still accepted and served, since endpoints and load balancers learn late.</summary>
    Lingering,

    /// <summary>Terminating; waiting for evidence that traffic is gone.</summary>
    Draining,

    /// <summary>Idle connections are closed, spread and half-closed first; then the listeners.</summary>
    Closing,

    /// <summary>Nothing is left to lose; `/drain/wait` callers are released.</summary>
    Drained,
}

/// <summary>What started the termination. The first one wins; its name is in the report.</summary>
public enum Trigger
{
    Sigterm,
    Sigint,

    /// <summary>`drainproxy signal terminating`, the sidecar's own preStop hook.</summary>
    Command,

    /// <summary>`POST /drain` from loopback.</summary>
    Http,

    /// <summary>A cloud's notice that the node goes away.</summary>
    NodeNotice,
}

/// <summary>How a termination ended: everything answered, cut at the deadline, or cut by a second signal.</summary>
public enum DrainResult
{
    Clean,
    Cut,
    Forced,
}
