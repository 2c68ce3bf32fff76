using System.Text;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Apps that never come back, never answer, or answer in part, asked by forty clients at once: each is told within its bound and with the right cause,
/// and nothing is left behind: no exchange, no place in the hold, no kept body, no connection to the app.
/// </summary>
[Trait("needs", "tools")]
public sealed class BoundedTroubleTests
{
    private const int Clients = 40;

    /// <summary>Seconds; generous, since the machine may be busy: what is asserted is that there is a bound.</summary>
    private const double Bound = 12;

    [Fact]
    public async Task An_app_that_never_comes_back()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address, "--hold-timeout", "1s");
        app.Stop();
        var answers = await Ask(proxy);
        Assert.All(answers, a => Assert.Equal((503, "destination_unavailable"), (a.Status, a.Error)));
        Assert.Equal(Clients, await Errors(proxy, "hold_exhausted") + await Errors(proxy, "breaker_open"));
        await NothingLeft(proxy);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le")]
    public async Task An_app_that_accepts_and_never_answers_or_half_a_head_only(string? answer)
    {
        using var app = Listener.Tcp();
        if (answer is not null) app.Answer(answer);
        await using var proxy = await Start(app.Address, "--request-timeout", "2s");
        var answers = await Ask(proxy);
        Assert.All(answers, a => Assert.Equal((504, "http_response_timeout"), (a.Status, a.Error)));
        Assert.Equal(Clients, await Errors(proxy, "app_timeout"));
        await NothingLeft(proxy);
    }

    [Fact]
    public async Task An_app_that_answers_half_a_body_and_is_silent()
    {
        using var app = Listener.Tcp();
        app.Answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        await using var proxy = await Start(app.Address, "--request-timeout", "2s");
        var answers = await Ask(proxy);
        Assert.All(answers, a => Assert.Equal(0, a.Status));
        await Net.Eventually(async () => await Errors(proxy, "app_timeout") == Clients, "each has its cause");
        Assert.Equal(0, await Errors(proxy, "closed_during_answer"));
        await NothingLeft(proxy);
    }

    [Fact]
    public async Task An_app_that_answers_half_a_head_and_leaves()
    {
        using var app = Listener.Tcp();
        app.EndsAfterAnswer = true;
        app.Answer("HTTP/1.1 200 OK\r\nContent-Le");
        await using var proxy = await Start(app.Address);
        var answers = await Ask(proxy);
        // Once a byte of an answer has come, nothing is sent again, whatever the method.
        Assert.All(answers, a => Assert.Equal(502, a.Status));
        Assert.Equal(0, await proxy.Metric("drainproxy_replayed_total{reason=\"no_answer\"}"));
        await NothingLeft(proxy);
    }

    [Fact]
    public async Task An_app_that_answers_half_a_body_and_leaves()
    {
        using var app = Listener.Tcp();
        app.EndsAfterAnswer = true;
        app.Answer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf");
        await using var proxy = await Start(app.Address, "--request-timeout", "2s");
        var answers = await Ask(proxy);
        // Broken off: never as if it were whole.
        Assert.All(answers, a => Assert.Equal(0, a.Status));
        // The client sees the end before we have written it down.
        await Net.Eventually(async () => await Errors(proxy, "closed_during_answer") == Clients, "each has its cause");
        await NothingLeft(proxy);
    }

    [Fact]
    public async Task An_app_that_ends_each_connection_as_it_accepts_it()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address, "--hold-timeout", "2s");
        app.EndsAtOnce = true;
        var answers = await Ask(proxy);
        Assert.All(answers, a => Assert.True(
            (a.Status == 502 && a.Error == "connection_terminated") || (a.Status == 503 && a.Error == "destination_unavailable"), $"{a}"));
        await NothingLeft(proxy);
        // One answer for each connection.
        (app.EndsAfterAnswer, app.EndsAtOnce) = (true, false);
        app.Answer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
        await Net.Eventually(async () => (await Ask(proxy)).All(a => a.Status == 200), "it serves again");
    }

    [Fact]
    public async Task Clients_that_leave_the_hold_leave_nothing_in_it()
    {
        using var app = Listener.Tcp();
        await using var proxy = await Start(app.Address, "--hold-timeout", "60s", "--hold-max", "30");
        app.Stop();
        var clients = new List<RawConnection>();
        for (var i = 0; i < 30; i++)
        {
            clients.Add(await RawConnection.Open(proxy.Port));
            var upgrade = i % 3 == 2 ? "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" : "";
            var body = i % 3 == 1 ? "Content-Length: 4\r\n" : "";
            await clients[^1].Send($"{(i % 3 == 1 ? "PUT" : "GET")} /{i} HTTP/1.1\r\nHost: x\r\n{upgrade}{body}\r\n{(i % 3 == 1 ? "body" : "")}");
        }

        await Net.Eventually(async () => await proxy.Metric("drainproxy_held_requests") == 30, "all are held");
        clients.ForEach(c => c.Dispose());
        await NothingLeft(proxy);
        // There is room for others again.
        using var next = await RawConnection.Open(proxy.Port);
        await next.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        await Net.Eventually(async () => await proxy.Metric("drainproxy_held_requests") == 1, "the next one is held");
    }

    private static async Task<DrainProxyProcess> Start(string app, params string[] more)
    {
        // Idle connections to the app are given up soon, so that those that stay are leaks.
        var proxy = DrainProxyProcess.Start(app, ["--app-idle-timeout", "1s", .. more]);
        await proxy.Ready();
        return proxy;
    }

    private static async Task<(int Status, string Error)[]> Ask(DrainProxyProcess proxy)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(Bound) };
        return await Task.WhenAll(Enumerable.Range(0, Clients).Select(One));

        async Task<(int, string)> One(int number)
        {
            HttpMethod[] methods = [HttpMethod.Get, HttpMethod.Post, HttpMethod.Put, HttpMethod.Delete];
            using var request = new HttpRequestMessage(methods[number % methods.Length], $"http://127.0.0.1:{proxy.Port}/{number}");
            if (number % 4 is 1 or 2) request.Content = new StringContent(new string('x', 1000), Encoding.ASCII);
            try
            {
                using var answer = await http.SendAsync(request);
                var error = answer.Headers.TryGetValues("Proxy-Status", out var status) ? status.Single().Split("error=")[1].Split(';')[0] : "";
                return ((int)answer.StatusCode, error);
            }
            catch (HttpRequestException)
            {
                return (0, "");
            }
        }
    }

    private static Task<double> Errors(DrainProxyProcess proxy, string cause) => proxy.Metric($"drainproxy_upstream_errors_total{{cause=\"{cause}\"}}");

    private static Task NothingLeft(DrainProxyProcess proxy) => Net.Eventually(
        async () =>
        {
            var state = await proxy.State();
            return state.GetProperty("in_flight").GetInt64() == 0 && state.GetProperty("held").GetInt64() == 0
                && state.GetProperty("kept_body_bytes").GetInt64() == 0 && state.GetProperty("connections").GetProperty("upstream").GetInt64() == 0;
        },
        "nothing is left", 20);
}
