using DrainProxy.Decisions.Bridging;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>Whether an attempt that failed is made again: the rule's input, the budget of all exchanges, and the suspects of the last OOM kill.</summary>
internal sealed class Replays(DataPath path)
{
    private readonly ReplayBudget budget = new();
    private readonly long startedAt = path.Time.GetTimestamp();

    /// <summary>A request whose kind has just got the app killed would do it again.</summary>
    public bool IsSuspect(Exchange exchange) => exchange.Route is { } route && path.BlackBox.IsSuspect(route, path.Lifecycle.Now);

    /// <summary>Puts what is known of a failed attempt before the rule.</summary>
    public static Replay Decide(Exchange exchange, Failure failure)
    {
        // An app that answers by closing, or late, is not asked again: only a connection that ended without an answer is.
        if (failure.Cause is not (UpstreamCause.ClosedBeforeAnswer or UpstreamCause.StaleConnection) && !failure.NotConnected) return Replay.Never;
        return ReplayRule.Decide(new(
            BytesSent: !failure.NotConnected,
            Refused: failure.NotProcessed,
            // Of what goes through TLS or HTTP/2 the whole head of an answer is the first that shows; elsewhere its first byte, if the connection was watched.
            AnswerBegun: exchange.Http.Response.HasStarted
                || (!failure.NotConnected && !failure.NotProcessed && (exchange.AnswerBegun || !(exchange.IsWatched || exchange.Target.HidesBytes))),
            Idempotent: AppHandler.IsIdempotent(exchange.Http.Request.Method),
            BodyGone: exchange.BodyGone));
    }

    /// <summary>Whether one more replay of a request that the app may have seen is within the budget.</summary>
    public bool TakeFromBudget()
    {
        lock (budget) return budget.Take(path.Counters.RequestsInAll, path.Time.GetElapsedTime(startedAt));
    }
}
