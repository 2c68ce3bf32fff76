using DrainProxy.Decisions.Bridging;
using DrainProxy.Decisions.Draining;
using DrainProxy.Decisions.Framing;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening.Http2;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.ObjectPool;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// The way of a request, in the order of its stages; the only place where that order is written:
/// 1 accept (the connection is still ours to answer on), 2 answer what is ours, 3 ask for room, 4 hold until the app answers, 5 forward, 6 account.
/// </summary>
internal sealed class ProxyApplication(DataPath path, ExchangeAccounts accounts, Endings endings) : IHttpApplication<Exchange>
{
    /// <summary>Exchanges kept for the next requests: enough for a burst, little memory at rest.</summary>
    private const int MaxPooled = 256;

    private static readonly TimeSpan RetryPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan GoneIsKnown = TimeSpan.FromMilliseconds(100);
    private readonly ObjectPool<Exchange> exchanges = new DefaultObjectPool<Exchange>(new ExchangePolicy(path), MaxPooled);
    private readonly Replays replays = new(path);
    private readonly Attempts attempts = new(path, endings);

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
        // Opened and reset in one breath: nothing is begun for it.
        if (context.IsHttp2 && context.Http.RequestAborted.IsCancellationRequested)
        {
            context.Outcome = Outcome.ClientGone;
            return;
        }

        try
        {
            if (!await AnswerOurselves(context))
            {
                if (path.Own.IsShort) await endings.Refuse(context, ShedReason.OwnMemory);
                // A request beyond them would find no descriptor, and take the last ones from probes and the drain.
                else if (path.Counters.InFlight > path.MaxExchanges && !context.Target.IsHttp2) await endings.Refuse(context, Refusal.Descriptors);
                else if (context.Connection.Streams is { IsProven: false } streams && !await MayBegin(context, streams)) return;
                else if (path.Uploads is { } uploads && UploadRoom.Counts(context.Http)) await ForwardUpload(context, uploads);
                else await GoOn(context);
            }
        }
        catch (Exception e) when (!context.Http.RequestAborted.IsCancellationRequested && e is not BadHttpRequestException)
        {
            await endings.FailByOurFault(context, e);
        }

        // Only a client that gives no window leaves it so.
        if (context.IsHttp2) context.HandedOver();
    }

    /// <summary>Runs when the answer has left our memory: only now is the connection idle again.</summary>
    public void DisposeContext(Exchange context, Exception? exception)
    {
        if (context.Begun) accounts.End(context, exception);
        if (context.IsAmongNew) EndAmongNew(context, exception);
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
            if (!exchange.IsHttp2 && own.Status is >= 400 and not 508) exchange.Http.Response.OnStarting(Endings.CloseHttp1, exchange.Http);
            await Endings.Answer(exchange, own, own.Status < 400 ? Outcome.Ok : Outcome.Refused);
            return true;
        }

        if (WholeBody.MayContradict(exchange) && !await WholeBody.EndsEmpty(exchange))
        {
            await Endings.Answer(exchange, RequestRules.Of(FramingFault.ContentLength), Outcome.Refused);
            return true;
        }

        if (exchange.Http.Request.Headers.Upgrade.Count > 0 && !exchange.IsHttp2) IgnoreUpgradeWhereVoid(exchange.Http.Request);
        if (path.Settings.HealthPath is not { } healthPath || !path.Lifecycle.Terminating) return false;
        if (!string.Equals(exchange.Http.Request.Path.Value, healthPath, StringComparison.Ordinal)) return false;
        if (path.Settings.ReadinessOnDrain == ReadinessOnDrain.Keep && path.Lifecycle.Phase is Phase.Lingering or Phase.Draining) return false;
        exchange.Shed = ShedReason.Closing;
        await Endings.Answer(exchange, OwnAnswer.HealthWhileTerminating, Outcome.Refused);
        return true;
    }

    private static void EndAmongNew(Exchange exchange, Exception? exception)
    {
        var streams = exchange.Connection.Streams!;
        var isAnswered = exception is null && exchange.IsAnswered;
        if (isAnswered && exchange.HadContent) streams.Prove();
        streams.Leave(isAnswered);
    }

    /// <summary>Waits among the streams of clients that have proven nothing; false when the stream is over.</summary>
    private async ValueTask<bool> MayBegin(Exchange exchange, NewStreams streams)
    {
        try
        {
            if (await streams.Enter(exchange.Http.RequestAborted)) return exchange.IsAmongNew = true;
        }
        catch (OperationCanceledException)
        {
            exchange.Outcome = Outcome.ClientGone;
            return false;
        }

        endings.RefuseStream(exchange);
        return false;
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
                await endings.HoldFailed(exchange, entered);
                return;
            default:
                await endings.Refuse(exchange, ShedReason.OwnMemory);
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
                    await endings.HoldFailed(exchange, exchange.Http.RequestAborted.IsCancellationRequested ? HoldResult.ClientGone : HoldResult.Cut);
                    return false;
                }
                finally
                {
                    exchange.Connection.EndsWithFin = false;
                }
            }

            if (refusal != Refusal.None)
            {
                await endings.Refuse(exchange, refusal);
                return false;
            }
        }

        (exchange.Pass, exchange.PassedAt, exchange.Route) = (pass, path.Time.GetTimestamp(), pass.Route?.Name);
        exchange.IsHeavy = pass.Ticket is { Route.Kind: RouteKind.Heavy };
        return true;
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
                    await endings.HoldFailed(exchange, held);
                    return;
                }

                exchange.IsProbe = held == HoldResult.Probe;
                // While it waited, it may have shown what ended the app.
                if (mayHaveRun && replays.IsSuspect(exchange))
                {
                    if (exchange.IsProbe) exchange.ProbeEnded(failed: false);
                    await endings.Fail(exchange, Failure.Closed);
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
                failure = await attempts.Send(exchange);
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
                await endings.Fail(exchange, failure);
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
                    await endings.HoldFailed(exchange, exchange.Http.RequestAborted.IsCancellationRequested ? HoldResult.ClientGone : HoldResult.Cut);
                    return;
                }
            }

            path.Counters.RequestReplayed(
                failure.NotConnected ? ReplayReason.ConnectFailed : replay == Replay.Free ? ReplayReason.NotProcessed : ReplayReason.NoAnswer);
            Attempts.Reset(exchange.Http);
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

    /// <summary>RFC 9110 section 7.8: HTTP/1.0 has no Upgrade.</summary>
    private static void IgnoreUpgradeWhereVoid(HttpRequest request)
    {
        if (request.Protocol == HttpProtocol.Http10) request.Headers.Upgrade = default;
    }
}

/// <summary>Makes exchanges for the pool; they are made ready by <see cref="Exchange.Initialize"/>.</summary>
internal sealed class ExchangePolicy(DataPath path) : IPooledObjectPolicy<Exchange>
{
    public Exchange Create() => new(path.Lifecycle, path.Streams, path.Rules, path.Counters, path.Time);

    public bool Return(Exchange obj) => true;
}
