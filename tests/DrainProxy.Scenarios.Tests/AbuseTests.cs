using System.Net.Sockets;
using System.Text;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>After 10,000 connections of each abusive kind, sockets, descriptors and memory are back where they were.</summary>
[Trait("needs", "tools")]
public sealed class AbuseTests
{
    private const int Connections = 10_000;
    private const int AtOnce = 200;

    [Fact]
    public async Task Everything_returns_to_its_baseline()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--request-timeout", "5s");
        await proxy.Ready();
        // The first round warms the pools; what a second one adds would be a leak.
        foreach (var abuse in All) await Many(1000, proxy.Port, abuse);
        var before = await Settled(proxy);
        foreach (var abuse in All) await Many(Connections, proxy.Port, abuse);
        // Upstream connections go when the pool's idle timeout has passed.
        await Net.Eventually(() => Task.FromResult(Sockets(proxy) <= before.Sockets + 5), $"sockets are back at {before.Sockets}", 30);
        await Net.Eventually(async () => (await Settled(proxy)).HeapBytes < before.HeapBytes + (8 << 20), "the heap is back", 30);
        Assert.Equal(0, await proxy.Metric("drainproxy_in_flight_requests"));
        using var http = new HttpClient();
        Assert.Equal("ok 0", await http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/"));
    }

    private static Func<int, Task>[] All =>
    [
        // Opened and left.
        port => Raw(port, "", read: false),
        // Half a header.
        port => Raw(port, "GET / HTTP/1.1\r\nHost: x\r\nX-Half", read: false),
        // An upgrade that the app answers with plain HTTP.
        port => Raw(port, "GET /plain HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", read: true),
        // The client leaves in the middle of its body.
        port => Raw(port, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbeginning", read: false),
        // The app leaves in the middle of its body.
        port => Raw(port, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n", read: true),
        // The client ends its half and waits.
        port => Raw(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", read: true, halfClose: true),
    ];

    private static async Task Many(int count, int port, Func<int, Task> abuse) =>
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (_, _) => await abuse(port));

    private static async Task Raw(int port, string text, bool read, bool halfClose = false)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        // No TIME_WAIT on our side, or the ports run out before the test does.
        socket.LingerState = new LingerOption(true, 0);
        await socket.ConnectAsync("127.0.0.1", port);
        if (text.Length > 0) await socket.SendAsync(Encoding.ASCII.GetBytes(text));
        if (halfClose) socket.Shutdown(SocketShutdown.Send);
        if (!read) return;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10), TimeProvider.System);
        try
        {
            await socket.ReceiveAsync(new byte[4096], limit.Token);
        }
        catch (SocketException)
        {
            // Reset: as good an end as any for an abuser.
        }
    }

    private static async Task<(int Sockets, double HeapBytes)> Settled(DrainProxyProcess proxy)
    {
        await Net.Eventually(async () => await proxy.Metric("drainproxy_in_flight_requests") == 0
            && await proxy.Metric("drainproxy_connections{side=\"downstream\",state=\"idle\"}") == 0
            && await proxy.Metric("drainproxy_connections{side=\"upstream\",state=\"idle\"}") <= 1, "all connections are gone", 30);
        return (Sockets(proxy), await proxy.Metric("dotnet_gc_last_collection_memory_committed_size_bytes"));
    }

    /// <summary>Descriptors that are sockets; the others are program files, opened as their code is first needed.</summary>
    private static int Sockets(DrainProxyProcess proxy) => Directory.GetFiles($"/proc/{proxy.Child.Id}/fd")
        .Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
