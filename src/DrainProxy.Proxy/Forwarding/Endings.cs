using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>How an exchange ends without the app's answer: what the client is told, what is counted, what is logged.</summary>
internal sealed partial class Endings(DataPath path, ILogger log, ExchangeAccounts accounts)
{
    private const int RefusedStream = 7;

    private readonly WarningLimit warnings = new(path.Time);

    /// <summary>Refuses it for what admission has found.</summary>
    public Task Refuse(Exchange exchange, Refusal refusal) => Refuse(exchange, AdmissionGate.ReasonOf(refusal));

    /// <summary>Refuses it before the app sees it: counted as shed, answered as docs/errors.md says.</summary>
    public async Task Refuse(Exchange exchange, ShedReason reason)
    {
        path.Counters.RequestShed(reason);
        exchange.Shed = reason;
        await Answer(exchange, OwnAnswer.Of(reason), Outcome.Refused);
    }

    /// <summary>
    /// Refuses a stream whose client takes no answers, so that it may be sent again elsewhere (REFUSED_STREAM, RFC 9113 section 8.7): an answer of ours would only be one
    /// more that stays.
    /// </summary>
    public void RefuseStream(Exchange exchange)
    {
        path.Counters.RequestShed(ShedReason.OwnMemory);
        (exchange.Shed, exchange.Outcome) = (ShedReason.OwnMemory, Outcome.Refused);
        exchange.Http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        exchange.Http.Features.Get<IHttpResetFeature>()?.Reset(RefusedStream);
    }

    /// <summary>No further attempt is made: the last one's failure is the answer. While terminating, that is a loss.</summary>
    public async Task Fail(Exchange exchange, Failure failure)
    {
        path.Counters.UpstreamFailed(failure.Cause!.Value);
        exchange.Cause = failure.Cause;
        if (path.Lifecycle.Terminating) accounts.Lose(LossReason.AppGone);
        if (warnings.Allows((int)failure.Cause.Value)) LogFailed(log, failure.Cause.Value, exchange.Target.Address);
        await Answer(exchange, failure.Answer, Outcome.Failed);
    }

    /// <summary>What nobody has foreseen: without this it would be Kestrel's bare 500, with no cause anywhere.</summary>
    public async Task FailByOurFault(Exchange exchange, Exception fault)
    {
        path.Counters.UpstreamFailed(UpstreamCause.Internal);
        exchange.Cause = UpstreamCause.Internal;
        if (warnings.Allows((int)UpstreamCause.Internal)) LogFault(log, fault);
        // An answer that has begun must not look whole.
        if (exchange.Http.Response.HasStarted) exchange.Http.Abort();
        await Answer(exchange, OwnAnswer.InternalError, Outcome.Failed);
    }

    /// <summary>Its time was up at the drain's deadline.</summary>
    public async Task FailCut(Exchange exchange)
    {
        path.Counters.UpstreamFailed(UpstreamCause.CutAtDeadline);
        exchange.Cause = UpstreamCause.CutAtDeadline;
        accounts.Lose(LossReason.CutAtDeadline);
        await Answer(exchange, OwnAnswer.Terminating, Outcome.Failed);
    }

    /// <summary>Its wait ended without a way to the app.</summary>
    /// <param name="exchange">The one that waited.</param>
    /// <param name="held">How the wait ended; anything but released and probe.</param>
    public async Task HoldFailed(Exchange exchange, HoldResult held)
    {
        switch (held)
        {
            case HoldResult.ClientGone:
                exchange.Outcome = Outcome.ClientGone;
                return;
            case HoldResult.Cut:
                await FailCut(exchange);
                return;
        }

        if (path.Lifecycle.Terminating) accounts.Lose(LossReason.HoldExhausted);
        if (held == HoldResult.Full)
        {
            path.Counters.RequestShed(ShedReason.QueueFull);
            exchange.Shed = ShedReason.QueueFull;
            await Answer(exchange, OwnAnswer.HoldFull, Outcome.Refused);
            return;
        }

        var cause = held == HoldResult.Refused ? UpstreamCause.BreakerOpen : UpstreamCause.HoldExhausted;
        path.Counters.UpstreamFailed(cause);
        exchange.Cause = cause;
        if (warnings.Allows((int)cause)) LogFailed(log, cause, exchange.Target.Address);
        await Answer(exchange, held == HoldResult.Refused ? OwnAnswer.BreakerOpen : OwnAnswer.HoldExhausted, Outcome.Failed);
    }

    /// <summary>Writes an answer of our own; a client that leaves meanwhile is no error.</summary>
    public static async Task Answer(Exchange exchange, OwnAnswer answer, Outcome outcome)
    {
        exchange.Outcome = outcome;
        try
        {
            await answer.Write(exchange.Http, exchange.Transformer);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            // The client left while being told.
        }
    }

    /// <summary>Connections were ended for what they held.</summary>
    public void TellHoldersEnded(int count, long bytes) => LogHoldersEnded(log, count, bytes);

    /// <summary>For OnStarting: the connection ends with this answer.</summary>
    /// <param name="http">The exchange's <see cref="HttpContext"/>.</param>
    public static Task CloseHttp1(object http)
    {
        ((HttpContext)http).Response.Headers.Connection = "close";
        return Task.CompletedTask;
    }

    [LoggerMessage(220, LogLevel.Warning, "Exchange with app {App} failed: {Cause}", EventName = "exchange_failed")]
    private static partial void LogFailed(ILogger log, UpstreamCause cause, AppAddress app);

    [LoggerMessage(224, LogLevel.Error, "A request failed by a fault of DrainProxy", EventName = "internal")]
    private static partial void LogFault(ILogger log, Exception fault);

    [LoggerMessage(223, LogLevel.Warning, "Answers that clients did not take held {Bytes} bytes: ended {Count} of their connections", EventName = "slow_clients_ended")]
    private static partial void LogHoldersEnded(ILogger log, int count, long bytes);
}
