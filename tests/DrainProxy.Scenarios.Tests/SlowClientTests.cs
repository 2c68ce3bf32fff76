using System.Net;
using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Clients that take longer than the settings allow: told where they can be, ended where not.</summary>
[Trait("needs", "tools")]
public sealed class SlowClientTests
{
    [Fact]
    public async Task A_header_that_does_not_end_in_its_time_is_answered_408()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--request-headers-timeout", "1s");
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        var answer = await client.Exchange("GET / HTTP/1.1\r\nHost: a.test\r\nX-Slow: ");
        Assert.Equal(408, answer.Status);
        Assert.StartsWith("drainproxy; error=http_request_error", answer.Field("Proxy-Status"), StringComparison.Ordinal);
        Assert.Equal(RawEnd.Fin, (await client.Rest()).End);
    }

    [Fact]
    [Trait("cause", "client_too_slow")]
    public async Task A_client_that_does_not_read_is_ended_on_both_sides()
    {
        using var app = new TcpListener(IPAddress.Loopback, 0);
        app.Start();
        var serving = ServeForEver(app);
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{((IPEndPoint)app.LocalEndpoint).Port}", "--send-timeout", "1s", "--access-log", "errors");
        await proxy.Listens();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        // The app's side ends only when the proxy gives it up: nothing else stops it from sending.
        Assert.True(await serving.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System) > 0);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_in_flight_requests") == 0, "the exchange has ended");
        Assert.Equal(1, await proxy.Metric("drainproxy_connections_closed_total{side=\"downstream\",by=\"us\"}"));
        await Net.Eventually(
            () => Task.FromResult(proxy.Child.Output.Contains("\"cause\":\"client_too_slow\"", StringComparison.Ordinal)), "its cause is in the access log");
    }

    /// <summary>Answers the first GET with a body that hardly ends; returns the bytes sent when the proxy has ended the connection.</summary>
    private static async Task<long> ServeForEver(TcpListener app)
    {
        var buffer = new byte[64 * 1024];
        while (true)
        {
            using var socket = await app.AcceptSocketAsync();
            // The proxy looks whether the app is up, and asks HEAD to learn its idle timeout.
            if (await socket.ReceiveAsync(buffer) == 0 || !buffer.AsSpan().StartsWith("GET "u8)) continue;
            await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"u8.ToArray());
            long sent = 0;
            try
            {
                while (true) sent += await socket.SendAsync(buffer);
            }
            catch (SocketException)
            {
                return sent;
            }
        }
    }
}
