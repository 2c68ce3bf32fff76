using DrainProxy.Decisions.Bridging;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Framing;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.ObjectPool;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What the data path is made of; put together once, at start. MaxExchanges: see ConnectionRoom.Exchanges.</summary>
internal sealed record DataPath(
    ProxySettings Settings, ForwardingRules Rules, Lifecycle Lifecycle, TerminationLog Termination, ProxyCounters Counters, ProxyMetrics Metrics,
    Hold Hold, AdmissionGate Gate, BlackBox BlackBox, OwnMemory Own, IHttpForwarder Forwarder, StreamRegistry Streams, int MaxExchanges, UploadRoom? Uploads, TimeProvider Time);

/// <summary>
/// The way of a request, in the order of its stages; the only place where that order is written:
/// 1 accept (the connection is still ours to answer on), 2 answer what is ours, 3 ask for room, 4 hold until the app answers, 5 forward, 6 account.
/// </summary>
internal sealed partial class ProxyApplication(DataPath path, ILogger log, ExchangeAccounts accounts) : IHttpApplication<Exchange>
{
    /// <summary>Exchanges kept for the next requests: enough for a burst, little memory at rest.</summary>
    private const int MaxPooled = 256;

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan GoneIsKnown = TimeSpan.FromMilliseconds(100);
    private readonly ObjectPool<Exchange> exchanges = new DefaultObjectPool<Exchange>(new ExchangePolicy(path), MaxPooled);
    private readonly Replays replays = new(path);
    private readonly WarningLimit warnings = new(path.Time);

    public Exchange CreateContext(IFeatureCollection contextFeatures)
    {
        var exchange = exchanges.Get();
        exchange.Initialize(contextFeatures);
        return exchange;
    }

    public async Task ProcessRequestAsync(Exchange context)
    {
        context.StartedAt = path.Time.GetTimestamp();
        if (!Accept(context)) return;
        try
        {
            if (!await AnswerOurselves(context))
            {
                if (path.Own.IsShort) await Refuse(context, ShedReason.OwnMemory);
                // A request beyond them would find no descriptor, and take the last ones from probes and the drain.
                else if (path.Counters.InFlight > path.MaxExchanges && !context.Target.IsHttp2) await Refuse(context, Refusal.Descriptors);
                else if (path.Uploads is { } uploads && UploadRoom.Counts(context.Http)) await ForwardUpload(context, uploads);
                else await GoOn(context);
            }
        }
        catch (Exception e) when (!context.Http.RequestAborted.IsCancellationRequested && e is not BadHttpRequestException)
        {
            await FailByOurFault(context, e);
        }

        // Only a client that gives no window leaves it so.
        if (context.IsHttp2) context.HandedOver();
    }

    /// <summary>Runs when the answer has left our memory: only now is the connection idle again.</summary>
    public void DisposeContext(Exchange context, Exception? exception)
    {
        if (context.Begun) accounts.End(context, exception);
        context.Release();
        exchanges.Return(context);
    }

    private bool Accept(Exchange exchange)
    {
        if (!exchange.Connection.TryBegin())
        {
            accounts.Lose(LossReason.LateAfterClose);
            exchange.Connection.Abort("a request came after our FIN");
            return false;
        }

        exchange.Begun = true;
        accounts.Begin(exchange);
        return true;
    }

    private async ValueTask<bool> AnswerOurselves(Exchange exchange)
    {
        if (RequestRules.Check(exchange) is { } own)
        {
            if (!exchange.IsHttp2 && own.Status is >= 400 and not 508) exchange.Http.Response.OnStarting(CloseHttp1, exchange.Http);
            await Answer(exchange, own, own.Status < 400 ? Outcome.Ok : Outcome.Refused);
            return true;
        }

        if (exchange.Http.Request.Headers.Upgrade.Count > 0 && !exchange.IsHttp2) IgnoreUpgradeWhereVoid(exchange.Http.Request);
        if (path.Settings.HealthPath is not { } healthPath || !path.Lifecycle.Terminating) return false;
        if (!string.Equals(exchange.Http.Request.Path.Value, healthPath, StringComparison.Ordinal)) return false;
        if (path.Settings.ReadinessOnDrain == ReadinessOnDrain.Keep && path.Lifecycle.Phase is Phase.Lingering or Phase.Draining) return false;
        exchange.Shed = ShedReason.Closing;
        await Answer(exchange, OwnAnswer.HealthWhileTerminating, Outcome.Refused);
        return true;
    }

    private Task GoOn(Exchange exchange) =>
        path.Gate.IsActive || !exchange.Target.Monitor.Breaker.Admits ? ForwardWithRoom(exchange) : Forward(exchange, asksForRoom: false);

    /// <summary>An upload holds its place in our own memory until it is over.</summary>
    private async Task ForwardUpload(Exchange exchange, UploadRoom uploads)
    {
        exchange.Connection.EndsWithFin = true;
        var entered = await uploads.Enter(exchange.Http.RequestAborted);
        exchange.Connection.EndsWithFin = false;
        switch (entered)
        {
            case HoldResult.Released:
                break;
            case HoldResult.ClientGone or HoldResult.Cut:
                await HoldFailed(exchange, entered);
                return;
            default:
                await Refuse(exchange, ShedReason.OwnMemory);
                return;
        }

        try
        {
            await GoOn(exchange);
        }
        finally
        {
            uploads.Leave();
        }
    }

    /// <summary>The request holds its place with the app until the app has answered.</summary>
    private async Task ForwardWithRoom(Exchange exchange)
    {
        try
        {
            // Who waits for the app asks for room when it is back: its memory is not known before, and what was will have changed.
            if (exchange.Target.Monitor.Breaker.Admits && !await TakesRoom(exchange)) return;
            await Forward(exchange, asksForRoom: true);
        }
        finally
        {
            if (exchange.Pass is { } pass) path.Gate.Leave(pass, path.Time.GetElapsedTime(exchange.PassedAt));
        }
    }

    /// <summary>Lets the request go to the app when there is room for it; false when it was answered otherwise.</summary>
    private async ValueTask<bool> TakesRoom(Exchange exchange)
    {
        if (!path.Gate.TryEnter(exchange, out var pass, out var refusal))
        {
            if (refusal == Refusal.None)
            {
                exchange.Connection.EndsWithFin = true;
                try
                {
                    refusal = await path.Gate.Wait(pass.Ticket!, exchange.Http.RequestAborted);
                }
                catch (OperationCanceledException)
                {
                    await HoldFailed(exchange, exchange.Http.RequestAborted.IsCancellationRequested ? HoldResult.ClientGone : HoldResult.Cut);
                    return false;
                }
                finally
                {
                    exchange.Connection.EndsWithFin = false;
                }
            }

            if (refusal != Refusal.None)
            {
                await Refuse(exchange, refusal);
                return false;
            }
        }

        (exchange.Pass, exchange.PassedAt, exchange.Route) = (pass, path.Time.GetTimestamp(), pass.Route?.Name);
        exchange.IsHeavy = pass.Ticket is { Route.Kind: RouteKind.Heavy };
        return true;
    }

    private Task Refuse(Exchange exchange, Refusal refusal) => Refuse(exchange, AdmissionGate.ReasonOf(refusal));

    private async Task Refuse(Exchange exchange, ShedReason reason)
    {
        path.Counters.RequestShed(reason);
        exchange.Shed = reason;
        await Answer(exchange, OwnAnswer.Of(reason), Outcome.Refused);
    }

    private async Task Forward(Exchange exchange, bool asksForRoom)
    {
        var target = exchange.Target;
        long heldSince = 0;
        var (resent, refusals) = (0, 0);
        var mayHaveRun = false;
        exchange.KeepBody();
        for (var attempt = 0; ; attempt++)
        {
            if (!target.Monitor.Breaker.Admits)
            {
                if (heldSince == 0) heldSince = path.Time.GetTimestamp();
                exchange.Connection.EndsWithFin = true;
                var held = await path.Hold.Wait(target.Monitor, heldSince, newcomer: attempt == 0, exchange.Http.RequestAborted);
                exchange.Connection.EndsWithFin = false;
                if (held is not (HoldResult.Released or HoldResult.Probe))
                {
                    await HoldFailed(exchange, held);
                    return;
                }

                exchange.IsProbe = held == HoldResult.Probe;
                // While it waited, it may have shown what ended the app.
                if (mayHaveRun && replays.IsSuspect(exchange))
                {
                    if (exchange.IsProbe) exchange.ProbeEnded(failed: false);
                    await Fail(exchange, Failure.Closed);
                    return;
                }
            }

            if (asksForRoom && exchange.Pass is null && path.Gate.IsActive && !await TakesRoom(exchange))
            {
                if (exchange.IsProbe) exchange.ProbeEnded(failed: false);
                return;
            }

            if (!exchange.TryTakeTarget())
            {
                if (exchange.IsProbe) exchange.ProbeEnded(failed: false);
                continue;
            }

            Failure? failure;
            try
            {
                exchange.BeginAttempt();
                failure = await Send(exchange);
            }
            finally
            {
                exchange.Target.Use?.Leave();
            }

            if (exchange.IsProbe) exchange.ProbeEnded(failed: failure is not null);
            if (failure is null) return;
            mayHaveRun |= exchange.IsWatched || !(failure.NotConnected || failure.NotProcessed);
            if (mayHaveRun && failure.NotConnected && replays.IsSuspect(exchange)) failure = Failure.Closed;
            var replay = Replays.Decide(exchange, failure);
            var again = replay switch
            {
                Replay.Never => false,
                Replay.Free => !failure.NotProcessed || ++refusals <= ReplayRule.Most,
                _ => ++resent <= ReplayRule.Most && (replays.TakeFromBudget() || await IsGone(target.Monitor, exchange)),
            };
            if (!again || (mayHaveRun && replays.IsSuspect(exchange)))
            {
                await Fail(exchange, failure);
                return;
            }

            path.Counters.UpstreamFailed(failure.Cause!.Value);
            var pause = failure.NotProcessed ? RetryPause : replay == Replay.Budgeted ? ReplayRule.Pause(resent) : TimeSpan.Zero;
            if (pause > TimeSpan.Zero) await path.Hold.Pause(pause, exchange.Http.RequestAborted);
            if (failure.NotConnected)
            {
                // Wait for it and send again. The first failure may be a listener that was full for a moment.
                if (heldSince == 0) heldSince = path.Time.GetTimestamp();
                target.Monitor.ReportDown();
                if (attempt > 0 && !await path.Hold.Pause(RetryPause, exchange.Http.RequestAborted))
                {
                    await HoldFailed(exchange, exchange.Http.RequestAborted.IsCancellationRequested ? HoldResult.ClientGone : HoldResult.Cut);
                    return;
                }
            }

            path.Counters.RequestReplayed(
                failure.NotConnected ? ReplayReason.ConnectFailed : replay == Replay.Free ? ReplayReason.NotProcessed : ReplayReason.NoAnswer);
            Reset(exchange.Http);
        }
    }

    /// <summary>
    /// Without budget: the app that has died takes everything in its hands with it at once, and that is no storm. Once it is known to be gone, they
    /// wait in the hold and go by the slow start. Known soon: somebody's next connect fails, or a look does.
    /// </summary>
    private async ValueTask<bool> IsGone(AppMonitor monitor, Exchange exchange)
    {
        monitor.Doubt();
        await path.Hold.Pause(GoneIsKnown, exchange.Http.RequestAborted);
        return !monitor.Breaker.Admits;
    }

    /// <summary>One attempt; null when the exchange is over, well or by the client's leaving.</summary>
    private async ValueTask<Failure?> Send(Exchange exchange)
    {
        var http = exchange.Http;
        var target = exchange.Target;
        // CONNECT is the extended one of a WebSocket; RequestRules lets no other through.
        if (http.Request.Headers.Upgrade.Count > 0 || http.Request.Method == "CONNECT") exchange.Cancel = CancellationTokenSource.CreateLinkedTokenSource(path.Lifecycle.Cut);
        var cancel = exchange.Cancel?.Token ?? path.Lifecycle.Cut;
        var error = exchange.IsHeavy && !target.IsHttp2
            ? await SendHeavy(exchange, target, cancel)
            : await path.Forwarder.SendAsync(http, target.Prefix, target.Pool.Current, target.Config, exchange.Transformer, cancel);
        if (exchange.Stream is { } stream) EndStream(exchange, stream);
        exchange.Cancel?.Dispose();
        if (exchange.BadAnswer) return Failure.Protocol;
        if (exchange.Refusal != FramingFault.None)
        {
            Reset(http);
            if (!exchange.IsHttp2) http.Response.OnStarting(CloseHttp1, http);
            await Answer(exchange, RequestRules.Of(exchange.Refusal), Outcome.Refused);
            return null;
        }

        if (error == ForwarderError.None || exchange.Stream is { EndedByUs: true }) return null;
        // The client has its answer; that it then ended a body that nobody wanted is as it may be.
        if (exchange.RefusedEarly && error is ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled) return null;
        if (path.Lifecycle.Cut.IsCancellationRequested)
        {
            await FailCut(exchange);
            return null;
        }

        if (exchange.BodyWantedAgain) return Failure.RefusedStream;
        // YARP has the same words for a client that leaves, for an app that ends, and for one that was silent for too long.
        if (exchange.Silence is { GaveUp: true }) return Failure.Timeout;
        var failure = error == ForwarderError.RequestBodyClient && exchange.Content is { WasCut: true } && !http.RequestAborted.IsCancellationRequested
            ? Failure.OfCutBody(http.GetForwarderErrorFeature()?.Exception)
            : Failure.Of(error, http.GetForwarderErrorFeature()?.Exception);
        if (failure.Cause is not null) return failure.On(exchange);
        if (OfRequestBody(exchange, http.GetForwarderErrorFeature()?.Exception) is { } refusal)
        {
            // What is left of the body cannot be found the end of.
            if (!exchange.IsHttp2) http.Response.OnStarting(CloseHttp1, http);
            await Answer(exchange, refusal, Outcome.Refused);
            return null;
        }

        exchange.Outcome = Outcome.ClientGone;
        return null;
    }

    /// <summary>Over a connection of its own kind, which says which worker of the app gets it.</summary>
    private async ValueTask<ForwarderError> SendHeavy(Exchange exchange, AppTarget target, CancellationToken cancel)
    {
        var connections = target.Pool.Heavy;
        var link = connections.Take();
        try
        {
            return await path.Forwarder.SendAsync(exchange.Http, target.Prefix, link?.Invoker ?? target.Pool.Current, target.Config, exchange.Transformer, cancel);
        }
        finally
        {
            if (link is not null) connections.Return(link);
        }
    }

    /// <summary>What was wrong with the client's body, when it was not the client that left.</summary>
    private static OwnAnswer? OfRequestBody(Exchange exchange, Exception? exception)
    {
        if (exchange.Connection.Http1 is { Fault: not FramingFault.None } reader) return RequestRules.Of(reader.Fault);
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (e is BadHttpRequestException { StatusCode: StatusCodes.Status408RequestTimeout }) return OwnAnswer.SlowBody;
            if (e is BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge }) return OwnAnswer.BodyTooLarge;
        }

        return null;
    }

    /// <summary>RFC 9110 section 7.8: HTTP/1.0 has no Upgrade.</summary>
    private static void IgnoreUpgradeWhereVoid(HttpRequest request)
    {
        if (request.Protocol == HttpProtocol.Http10) request.Headers.Upgrade = default;
    }

    private static Task CloseHttp1(object http)
    {
        ((HttpContext)http).Response.Headers.Connection = "close";
        return Task.CompletedTask;
    }

    private void EndStream(Exchange exchange, DrainableStream stream)
    {
        path.Streams.Remove(stream);
        if (stream.EndedByUs && path.Lifecycle.Terminating) path.Termination.StreamClosed(stream.Kind);
        if (stream.EndedByUs) exchange.Outcome = Outcome.Ok;
    }

    private async Task Fail(Exchange exchange, Failure failure)
    {
        path.Counters.UpstreamFailed(failure.Cause!.Value);
        exchange.Cause = failure.Cause;
        if (path.Lifecycle.Terminating) accounts.Lose(LossReason.AppGone);
        if (warnings.Allows((int)failure.Cause.Value)) LogFailed(log, failure.Cause.Value, exchange.Target.Address);
        await Answer(exchange, failure.Answer, Outcome.Failed);
    }

    /// <summary>What nobody has foreseen: without this it would be Kestrel's bare 500, with no cause anywhere.</summary>
    private async Task FailByOurFault(Exchange exchange, Exception fault)
    {
        path.Counters.UpstreamFailed(UpstreamCause.Internal);
        exchange.Cause = UpstreamCause.Internal;
        if (warnings.Allows((int)UpstreamCause.Internal)) LogFault(log, fault);
        // An answer that has begun must not look whole.
        if (exchange.Http.Response.HasStarted) exchange.Http.Abort();
        await Answer(exchange, OwnAnswer.InternalError, Outcome.Failed);
    }

    private async Task FailCut(Exchange exchange)
    {
        path.Counters.UpstreamFailed(UpstreamCause.CutAtDeadline);
        exchange.Cause = UpstreamCause.CutAtDeadline;
        accounts.Lose(LossReason.CutAtDeadline);
        await Answer(exchange, OwnAnswer.Terminating, Outcome.Failed);
    }

    private async Task HoldFailed(Exchange exchange, HoldResult held)
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

    private static async Task Answer(Exchange exchange, OwnAnswer answer, Outcome outcome)
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

    /// <summary>YARP has written its own failure into the answer; the next attempt starts with a clean one.</summary>
    private static void Reset(HttpContext http)
    {
        http.Response.Clear();
        http.Features.Set<IForwarderErrorFeature>(null);
    }

    /// <summary>Connections were ended for what they held.</summary>
    public void TellHoldersEnded(int count, long bytes) => LogHoldersEnded(log, count, bytes);

    [LoggerMessage(220, LogLevel.Warning, "Exchange with app {App} failed: {Cause}", EventName = "exchange_failed")]
    private static partial void LogFailed(ILogger log, UpstreamCause cause, AppAddress app);

    [LoggerMessage(224, LogLevel.Error, "A request failed by a fault of DrainProxy", EventName = "internal")]
    private static partial void LogFault(ILogger log, Exception fault);

    [LoggerMessage(223, LogLevel.Warning, "Answers that clients did not take held {Bytes} bytes: ended {Count} of their connections", EventName = "slow_clients_ended")]
    private static partial void LogHoldersEnded(ILogger log, int count, long bytes);
}

/// <summary>Makes exchanges for the pool; they are made ready by <see cref="Exchange.Initialize"/>.</summary>
internal sealed class ExchangePolicy(DataPath path) : IPooledObjectPolicy<Exchange>
{
    public Exchange Create() => new(path.Lifecycle, path.Streams, path.Rules, path.Counters, path.Time);

    public bool Return(Exchange obj) => true;
}
