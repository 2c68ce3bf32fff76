using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What is kept of each exchange: metrics, the termination report's evidence, the access log.</summary>
internal sealed partial class ExchangeAccounts(DataPath path, ILogger accessLog)
{
    private long lastRequestAt;
    private long longestTicks;

    /// <summary>Timestamp of the newest request; zero when there was none.</summary>
    public long LastRequestAt => Volatile.Read(ref lastRequestAt);

    /// <summary>The longest exchange so far, streams without an end of their own left out.</summary>
    public TimeSpan Longest => TimeSpan.FromTicks(Volatile.Read(ref longestTicks));

    /// <summary>The request is ours to answer.</summary>
    public void Begin(Exchange exchange)
    {
        Volatile.Write(ref lastRequestAt, exchange.StartedAt);
        path.Counters.RequestStarted();
        if (path.Lifecycle.Terminating)
            path.Termination.Request(path.Lifecycle.Since(exchange.StartedAt), path.Lifecycle.State.TerminatedAt ?? TimeSpan.Zero);
    }

    /// <summary>A request that was lost, for the metrics and the termination report.</summary>
    public void Lose(LossReason reason)
    {
        path.Counters.RequestLost(reason);
        if (path.Lifecycle.Terminating) path.Termination.Lost(reason);
    }

    /// <summary>The answer has left our memory, or never will.</summary>
    public void End(Exchange exchange, Exception? exception)
    {
        var now = path.Time.GetTimestamp();
        var elapsed = path.Time.GetElapsedTime(exchange.StartedAt, now);
        var http = exchange.Http;
        var status = exchange.Outcome == Outcome.ClientGone && !http.Response.HasStarted ? 0 : http.Response.StatusCode;
        if (exchange.Outcome == Outcome.Ok)
        {
            if (exception is not null) exchange.Outcome = Outcome.Failed;
            else if (status >= 500) exchange.Outcome = Outcome.AppError;
        }

        path.Counters.RequestEnded(status, exchange.Outcome);
        path.Metrics.RecordDuration(elapsed.TotalSeconds);
        if (exchange.Stream is null && elapsed.Ticks > Volatile.Read(ref longestTicks)) Volatile.Write(ref longestTicks, elapsed.Ticks);
        exchange.Connection.End(now, answered: exchange.Outcome != Outcome.ClientGone);
        exchange.Target.Monitor.Waiting.Answered();
        if (path.Lifecycle.Terminating)
            path.Termination.Answered(path.Lifecycle.Since(now), exchange.Outcome is Outcome.Ok or Outcome.AppError or Outcome.Refused);
        if (path.Settings.AccessLog != AccessLog.Off) WriteAccess(exchange, status, elapsed);
    }

    /// <summary>Said when the connection ends: the line of its exchange has long been written.</summary>
    public void TellLostResponse(TrackedConnection connection)
    {
        if (path.Settings.AccessLog != AccessLog.Off) LogResponseLost(accessLog, LabelNames.Of(ClientCause.ResponseLost), connection.PeerAddress);
    }

    private void WriteAccess(Exchange exchange, int status, TimeSpan elapsed)
    {
        if (path.Settings.AccessLog == AccessLog.Errors && exchange.Outcome == Outcome.Ok) return;
        var request = exchange.Http.Request;
        LogAccess(accessLog, request.Method, request.Path.Value ?? "", status, exchange.Outcome, exchange.CauseName,
            elapsed.TotalMilliseconds, exchange.Connection.PeerAddress);
    }

    [LoggerMessage(222, LogLevel.Information, "The last answer to {Peer} was not taken: {Cause}", EventName = "response_lost")]
    private static partial void LogResponseLost(ILogger log, string cause, string peer);

    [LoggerMessage(221, LogLevel.Information, "{Method} {Path} {Status} {Outcome} {Cause} {Milliseconds:0.0} ms {Peer}", EventName = "access")]
    private static partial void LogAccess(
        ILogger log, string method, string path, int status, Outcome outcome, string? cause, double milliseconds, string peer);
}
