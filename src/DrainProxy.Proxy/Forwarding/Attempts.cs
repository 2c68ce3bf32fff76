using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>One sending of an exchange to the app, and what its end means.</summary>
internal sealed class Attempts(DataPath path, Endings endings)
{
    /// <summary>One attempt; null when the exchange is over, well or by the client's leaving.</summary>
    public async ValueTask<Failure?> Send(Exchange exchange)
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
            if (!exchange.IsHttp2) http.Response.OnStarting(Endings.CloseHttp1, http);
            await Endings.Answer(exchange, RequestRules.Of(exchange.Refusal), Outcome.Refused);
            return null;
        }

        if (error == ForwarderError.None || exchange.Stream is { EndedByUs: true }) return null;
        // The client has its answer; that it then ended a body that nobody wanted is as it may be.
        if (exchange.RefusedEarly && error is ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled) return null;
        if (path.Lifecycle.Cut.IsCancellationRequested)
        {
            await endings.FailCut(exchange);
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
            if (!exchange.IsHttp2) http.Response.OnStarting(Endings.CloseHttp1, http);
            await Endings.Answer(exchange, refusal, Outcome.Refused);
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

    /// <summary>YARP has written its own failure into the answer; the next attempt starts with a clean one.</summary>
    public static void Reset(HttpContext http)
    {
        http.Response.Clear();
        http.Features.Set<IForwarderErrorFeature>(null);
    }

    private void EndStream(Exchange exchange, DrainableStream stream)
    {
        path.Streams.Remove(stream);
        if (stream.EndedByUs && path.Lifecycle.Terminating) path.Termination.StreamClosed(stream.Kind);
        if (stream.EndedByUs) exchange.Outcome = Outcome.Ok;
    }
}
