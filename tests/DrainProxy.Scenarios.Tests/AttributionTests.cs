using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Each cause of docs/errors.md, produced over real sockets: in its metric, in the access log, and in Proxy-Status where we answer. Elsewhere: stale
/// connections (KeepAliveTests), the deadline (InFlightTests), the breaker (BreakerTests), slow clients (SlowClientTests), lost answers (ResponseLostTests).
/// </summary>
[Trait("needs", "tools")]
public sealed class AttributionTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    [Fact]
    [Trait("cause", "connect_refused")]
    [Trait("cause", "hold_exhausted")]
    public async Task Refused_while_it_was_thought_to_be_there()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address, "--hold-timeout", "500ms");
        app.Stop();
        await Told(proxy, Get, 503, "destination_unavailable", "hold_exhausted");
        Assert.InRange(await Errors(proxy, "connect_refused"), 1, 3);
    }

    [Fact]
    [Trait("cause", "connect_timeout")]
    public async Task A_full_backlog_is_a_connect_timeout()
    {
        using var app = Listener.Tcp(backlog: 0);
        await using var proxy = await Start(app.Address, "--hold-timeout", "1s");
        // Nobody accepts, and the look that found the app has the one place in the queue: the kernel drops what comes now.
        await Told(proxy, Get, 503, "destination_unavailable", "hold_exhausted");
        Assert.InRange(await Errors(proxy, "connect_timeout"), 1, 3);
    }

    [Fact]
    [Trait("cause", "connect_error")]
    public async Task A_socket_file_that_is_gone_is_a_connect_error()
    {
        using var folder = new TemporaryFolder();
        var file = Path.Combine(folder.Path, "app.sock");
        using var app = Listener.Unix(file);
        await using var proxy = await Start($"unix:{file}", "--hold-timeout", "500ms");
        File.Delete(file);
        await Told(proxy, Get, 503, "destination_unavailable", "hold_exhausted");
        Assert.InRange(await Errors(proxy, "connect_error"), 1, 3);
    }

    [Fact]
    [Trait("cause", "app_timeout")]
    public async Task An_app_that_accepts_and_never_answers_is_a_timeout()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address, "--request-timeout", "300ms");
        await Told(proxy, Get, 504, "http_response_timeout", "app_timeout");
        Assert.Equal(1, await Errors(proxy, "app_timeout"));
        await NothingLeft(proxy);
    }

    [Fact]
    [Trait("cause", "app_protocol_error")]
    public async Task Garbage_is_a_protocol_error()
    {
        using var app = Listener.Tcp();
        app.Answer("SSH-2.0-OpenSSH_9.2\r\n\r\n");
        await using var proxy = await Start(app.Address);
        await Told(proxy, Get, 502, "http_protocol_error", "app_protocol_error");
        Assert.Equal(1, await Errors(proxy, "app_protocol_error"));
    }

    [Fact]
    [Trait("cause", "closed_before_answer")]
    [Trait("cause", "closed_during_answer")]
    public async Task An_end_without_an_answer_and_one_within_it()
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        await Told(proxy, "POST /nothing?by=fin HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", 502, "connection_terminated", "closed_before_answer");
        Assert.Equal(1, await Errors(proxy, "closed_before_answer"));
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("GET /length?by=fin HTTP/1.1\r\nHost: x\r\n\r\n");
        await client.Rest();
        await Logged(proxy, "closed_during_answer");
        Assert.Equal(1, await Errors(proxy, "closed_during_answer"));
    }

    [Fact]
    [Trait("cause", "stale_connection")]
    public async Task A_used_connection_that_the_app_gave_up_is_a_stale_one()
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        using var client = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok", (await client.Exchange(Get)).Body);
        var answer = await client.Exchange("POST /nothing?by=fin HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
        Assert.Equal(502, answer.Status);
        await Logged(proxy, "stale_connection");
        Assert.Equal(1, await Errors(proxy, "stale_connection"));
    }

    [Fact]
    [Trait("cause", "queue_full")]
    public async Task More_than_may_wait_are_refused()
    {
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{Net.FreePort()}", "--hold-max", "1", "--access-log", "errors");
        await proxy.Listens();
        using var waits = await RawConnection.Open(proxy.Port);
        await waits.Send(Get);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_held_requests") == 1, "one waits");
        await Told(proxy, Get, 503, "destination_unavailable", "queue_full");
        Assert.Equal(1, await proxy.Metric("drainproxy_shed_total{reason=\"queue_full\"}"));
        Assert.Equal(0, await Errors(proxy, "hold_exhausted"));
    }

    [Fact]
    [Trait("cause", "client_gone_before_answer")]
    [Trait("cause", "client_gone_during_answer")]
    public async Task Clients_that_leave_before_and_within_their_answer()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address);
        var before = await RawConnection.Open(proxy.Port);
        await before.Send(Get);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_in_flight_requests") == 1, "in flight");
        Reset(before);
        await Logged(proxy, "client_gone_before_answer");
        Assert.Equal(1, await proxy.Metric("drainproxy_requests_total{code_class=\"none\",outcome=\"client_gone\"}"));

        app.Answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        var during = await RawConnection.Open(proxy.Port);
        await during.Send(Get);
        Assert.Equal("half", await HeadThen(during, 4));
        Reset(during);
        await Logged(proxy, "client_gone_during_answer");
        Assert.Equal(1, await proxy.Metric("drainproxy_requests_total{code_class=\"2xx\",outcome=\"client_gone\"}"));
        // The app's answer was not complete: not a lost one.
        Assert.Equal(0, await proxy.Metric("drainproxy_responses_lost_total"));
    }

    [Fact]
    [Trait("cause", "bad_request")]
    public async Task What_is_not_http_is_refused()
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        await Told(proxy, "GET / HTTP/1.1\r\n\r\n", 400, "http_request_error", "bad_request");
    }

    private static async Task<DrainProxyProcess> Start(string app, params string[] more)
    {
        // The measuring of the app's idle timeout would be a request of its own.
        var proxy = DrainProxyProcess.Start(app, ["--access-log", "errors", "--app-idle-timeout", "4s", .. more]);
        await proxy.Ready();
        return proxy;
    }

    private static async Task Told(DrainProxyProcess proxy, string request, int status, string error, string cause)
    {
        using var client = await RawConnection.Open(proxy.Port);
        var answer = await client.Exchange(request);
        Assert.Equal(status, answer.Status);
        Assert.Contains($"error={error}", answer.Field("Proxy-Status"), StringComparison.Ordinal);
        await Logged(proxy, cause);
    }

    private static Task Logged(DrainProxyProcess proxy, string cause) => Net.Eventually(
        () => Task.FromResult(proxy.Child.Output.Contains($"\"cause\":\"{cause}\"", StringComparison.Ordinal)), $"{cause} in the access log:\n{proxy.Child.Output}");

    private static Task<double> Errors(DrainProxyProcess proxy, string cause) => proxy.Metric($"drainproxy_upstream_errors_total{{cause=\"{cause}\"}}");

    private static async Task NothingLeft(DrainProxyProcess proxy) => await Net.Eventually(
        async () => await proxy.Metric("drainproxy_in_flight_requests") == 0 && await proxy.Metric("drainproxy_held_requests") == 0, "nothing is left");

    private static async Task<string> HeadThen(RawConnection client, int bytes)
    {
        while ((await client.Line()).Length > 0)
        {
            // The next field.
        }

        return await client.Bytes(bytes);
    }

    private static void Reset(RawConnection client)
    {
        client.Socket.LingerState = new LingerOption(true, 0);
        client.Dispose();
    }
}
