using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Answers that the app gave and the client never got are counted; answers that were taken are not, however the connection ends.</summary>
[Trait("needs", "tools")]
public sealed class ResponseLostTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    [Fact]
    [Trait("cause", "response_lost")]
    public async Task A_client_that_resets_right_after_the_answer_has_lost_it()
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        for (var i = 0; i < 10; i++)
        {
            using var client = await RawConnection.Open(proxy.Port);
            await client.Send(Get);
            // Answered, and not read: the close of a socket with unread bytes is a reset.
            await Net.Eventually(() => Task.FromResult(client.Socket.Available > 0), "the answer is there");
        }

        await Net.Eventually(async () => await Lost(proxy) == 10, "all are counted");
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("\"cause\":\"response_lost\"", StringComparison.Ordinal)), "it is in the log");
        Assert.Equal(10, await proxy.Metric("drainproxy_requests_total{code_class=\"2xx\",outcome=\"ok\"}"));
    }

    [Theory]
    [InlineData("fin")]
    [InlineData("half-closed before the answer")]
    [InlineData("close asked for")]
    [InlineData("reset while idle")]
    public async Task A_client_that_took_its_answer_has_lost_nothing(string how)
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        for (var i = 0; i < 5; i++)
        {
            using var client = await RawConnection.Open(proxy.Port);
            await client.Send(how == "close asked for" ? Get.Replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n", StringComparison.Ordinal) : Get);
            if (how == "half-closed before the answer") client.EndOurHalf();
            Assert.Equal("ok", (await client.Answer()).Body);
            if (how != "reset while idle") continue;
            await Net.Pause(1.1);
            client.Socket.LingerState = new LingerOption(true, 0);
        }

        await Net.Eventually(async () => await proxy.Metric("drainproxy_connections{side=\"downstream\",state=\"idle\"}") == 0, "all are gone");
        Assert.Equal(0, await Lost(proxy));
    }

    [Fact]
    public async Task Over_http2_it_is_seen_too()
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = await Start(app.Address);
        using (var client = await RawHttp2.Open(proxy.Port))
        {
            await client.Get(1, "/");
            Assert.Equal("ok", (await client.Answer(1)).Body);
            client.Socket.LingerState = new LingerOption(true, 0);
        }

        await Net.Eventually(async () => await Lost(proxy) == 1, "it is counted");
    }

    [Fact]
    public async Task An_answer_into_a_network_that_is_gone_is_lost()
    {
        // 198.18.0.0/15 is for tests of networks (RFC 2544).
        const string Client = """
            import socket, sys, time
            while True:
                try:
                    s = socket.create_connection(("198.18.0.1", int(sys.argv[1])), 5)
                    break
                except OSError:
                    time.sleep(0.05)
            s.sendall(b"GET /slow?ms=2000 HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(60)
            """;
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"0.0.0.0:{port}", "--app", app.Address, "--admin", $"127.0.0.1:{admin}", "--idle-timeout", "1s", "--app-idle-timeout", "4s"]);
        await Net.Answers(admin, "/readyz");
        await using var network = await LinkedNetwork.Start("198.18.0.1", "198.18.0.2", "python3", "-c", Client, $"{port}");
        await Net.Eventually(async () => await Metric(admin, "drainproxy_in_flight_requests") == 1, "it has asked", 20);
        // Nothing passes any more, and nobody is told: the answer is sent and never acknowledged.
        await network.Cut();
        await Net.Eventually(async () => await Metric(admin, "drainproxy_requests_total{code_class=\"2xx\",outcome=\"ok\"}") == 1, "the kernel has taken the answer");
        await Net.Eventually(async () => await Metric(admin, "drainproxy_responses_lost_total") == 1, "counted when the connection is given up", 20);
    }

    private static async Task<DrainProxyProcess> Start(string app)
    {
        var proxy = DrainProxyProcess.Start(app, "--access-log", "errors", "--app-idle-timeout", "4s");
        await proxy.Ready();
        return proxy;
    }

    private static Task<double> Lost(DrainProxyProcess proxy) => proxy.Metric("drainproxy_responses_lost_total");

    private static async Task<double> Metric(int admin, string name)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync($"http://127.0.0.1:{admin}/metrics");
        return double.Parse(text.Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
