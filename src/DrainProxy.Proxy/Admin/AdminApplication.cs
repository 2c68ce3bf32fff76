using System.Buffers;
using System.Net;
using System.Text;
using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Admin;

/// <summary>The admin endpoints of the contract. What changes state is taken from loopback only.</summary>
internal sealed class AdminApplication(
    ProxySettings settings, Lifecycle lifecycle, DrainController drain, PrometheusExporter metrics, StateReport state, AdmissionGate gate, TimeProvider time)
    : IHttpApplication<HttpContext>
{
    /// <summary>How long `/drain/wait` waits for a termination to begin: a container restart runs the hook too, without one.</summary>
    private static readonly TimeSpan SignalWait = TimeSpan.FromSeconds(1.5);
    private const int MaxWaiters = 1024;
    private int waiters;

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public Task ProcessRequestAsync(HttpContext context) => context.Request.Path.Value switch
    {
        "/livez" => Get(context, () => Text(context, 200, "ok\n")),
        "/readyz" => Get(context, () => Ready(context)),
        "/state" => Get(context, () => Json(context, state.Write())),
        "/metrics" => Get(context, () => Metrics(context)),
        "/drain/wait" => Get(context, () => DrainWait(context)),
        "/drain" => Drain(context),
        _ => Text(context, 404, "no such endpoint; there are /livez /readyz /state /metrics /drain /drain/wait\n"),
    };

    private static Task Get(HttpContext context, Func<Task> answer)
    {
        if (HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)) return answer();
        context.Response.Headers.Allow = "GET, HEAD";
        return Text(context, 405, "GET only\n");
    }

    private Task Ready(HttpContext context)
    {
        var phase = lifecycle.Phase;
        var ready = phase == Phase.Serving
            || (phase is Phase.Lingering or Phase.Draining && StaysReady());
        var reason = phase switch
        {
            Phase.Serving => "ok",
            Phase.Starting => "starting: the app has not answered yet",
            Phase.Unready when gate.OnlyCritical => "unready: the app is about to run out of memory",
            Phase.Unready => "unready: the app does not answer",
            _ => $"terminating: {phase.ToString().ToLowerInvariant()}",
        };
        return Text(context, ready ? 200 : 503, reason + "\n");
    }

    /// <summary>`keep` leaves the endpoint to the pod's deletion. A node's notice comes before that: nothing but readiness takes the pod out of its Services.</summary>
    private bool StaysReady() => settings.ReadinessOnDrain == ReadinessOnDrain.Keep && lifecycle.State.Trigger != Trigger.NodeNotice;

    private async Task Metrics(HttpContext context)
    {
        var contentType = metrics.Negotiate(context.Request.Headers.Accept);
        context.Response.ContentType = contentType;
        // Written apart and sent as one: the exporter asks for room line by line, and Kestrel would send each as a chunk.
        // A scraper keeps its connection: that is how each gets the peaks since its own last visit.
        var text = new ArrayBufferWriter<byte>(16 * 1024);
        metrics.Write(text, contentType.StartsWith("application/openmetrics-text", StringComparison.Ordinal), context.Connection.Id);
        await Body(context, text.WrittenMemory);
    }

    private Task Drain(HttpContext context)
    {
        if (!HttpMethods.IsPost(context.Request.Method))
        {
            context.Response.Headers.Allow = "POST";
            return Text(context, 405, "POST only\n");
        }

        if (!FromLoopback(context)) return Text(context, 403, "a drain is started from loopback only\n");
        var trigger = context.Request.Query["trigger"] == "command" ? Trigger.Command : Trigger.Http;
        var first = drain.Terminate(trigger);
        return Text(context, 202, first ? "terminating\n" : "terminating already\n");
    }

    /// <summary>Blocks until Drained or the deadline. Never starts a drain.</summary>
    private async Task DrainWait(HttpContext context)
    {
        if (Interlocked.Increment(ref waiters) > MaxWaiters)
        {
            Interlocked.Decrement(ref waiters);
            context.Response.Headers.RetryAfter = "1";
            await Text(context, 429, $"more than {MaxWaiters} callers wait\n");
            return;
        }

        try
        {
            await lifecycle.TerminationStarted.WaitAsync(SignalWait, time, context.RequestAborted);
            await lifecycle.Drained.WaitAsync(settings.Grace, time, context.RequestAborted);
            await Text(context, 200, "drained\n");
        }
        catch (TimeoutException)
        {
            await Text(context, 200, lifecycle.Terminating ? "deadline\n" : "not terminating\n");
        }
        catch (OperationCanceledException)
        {
            // The caller left.
        }
        finally
        {
            Interlocked.Decrement(ref waiters);
        }
    }

    private static bool FromLoopback(HttpContext context)
    {
        var address = context.Connection.RemoteIpAddress;
        if (address is { IsIPv4MappedToIPv6: true }) address = address.MapToIPv4();
        return address is not null && IPAddress.IsLoopback(address);
    }

    private static Task Text(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return Body(context, Encoding.UTF8.GetBytes(text));
    }

    private static Task Json(HttpContext context, ReadOnlyMemory<byte> json)
    {
        context.Response.ContentType = "application/json";
        return Body(context, json);
    }

    private static Task Body(HttpContext context, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(body).AsTask();
    }
}
