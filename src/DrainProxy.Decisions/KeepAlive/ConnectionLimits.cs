namespace DrainProxy.Decisions.KeepAlive;

/// <summary>
/// How old a downstream connection may get and how many requests it may carry, so that load spreads over new pods and few old connections
/// exist at t0. Both end with an answer that says so, never between two requests.
/// </summary>
/// <param name="MaxAge">Default 1 h: nginx's keepalive_time.</param>
/// <param name="MaxRequests">Default 100,000: at nginx's 1,000 a busy load balancer would reconnect several times a second.</param>
/// <param name="Jitter">Share by which a connection's limits may be lower, 0 to 1, so that connections of one age do not end together.</param>
public sealed record ConnectionLimits(TimeSpan MaxAge, int MaxRequests, double Jitter)
{
    public ConnectionLimits()
        : this(TimeSpan.FromHours(1), 100_000, 0.2)
    {
    }

    /// <summary>The limits of one connection.</summary>
    /// <param name="random">A random number, 0 to 1.</param>
    public ConnectionQuota Draw(double random)
    {
        var share = 1 - (Jitter * Math.Clamp(random, 0, 1));
        return new(MaxAge * share, Math.Max(1, (int)(MaxRequests * share)));
    }
}

/// <summary>The share of one connection.</summary>
public readonly record struct ConnectionQuota(TimeSpan Age, int Requests)
{
    /// <summary>Whether the answer at hand should be the connection's last.</summary>
    public bool Exceeded(TimeSpan age, int requests) => age >= Age || requests >= Requests;
}
