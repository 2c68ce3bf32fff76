using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Streams that end where nobody says goodbye to them: downloads whose reader stops and leaves, and streams that the app drops under its
/// clients. Sockets, descriptors and the managed heap are back where they were.
/// </summary>
[Trait("needs", "tools")]
public sealed class LeftDownloadsTests
{
    private const string WebSocket = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

    private const int AtOnce = 100;
    private static readonly string[] Dropped = ["/dropped-chunks", "/dropped-events", "/dropped-ws"];

    [Theory]
    [InlineData("endless", 2000)]
    [InlineData("endless, http2", 2000)]
    [InlineData("dropped by the app", 10_000)]
    public async Task Nothing_of_it_stays(string kind, int count)
    {
        await using var app = await NodeScript.Start("leaving.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        // The first round warms what is pooled; what the second one adds would be a leak.
        await Many(kind, count / 10, proxy.Port);
        var before = await Settled(proxy);
        // Zero until a first collection: nothing to compare with.
        await Net.Eventually(async () => (before = await Settled(proxy)).Heap > 0, "a collection has run", 10);
        await Many(kind, count, proxy.Port);
        await Net.Eventually(async () =>
        {
            var after = await Settled(proxy);
            return after.Sockets <= before.Sockets + 5 && after.Descriptors <= before.Descriptors + 5 && after.Heap < before.Heap + (8 << 20);
        }, $"all is back at {before}", 30);
        using var client = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok", (await client.Exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n")).Body);
    }

    private static Task Many(string kind, int count, int port) => Parallel.ForAsync(
        0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (i, _) =>
        {
            // Ports of several loopback addresses: those of one would still be in TIME_WAIT when needed again.
            var source = $"127.0.2.{1 + (i % 50)}";
            if (kind == "endless, http2") await StopReadingHttp2(port, source, reset: i % 2 == 0);
            else await Http1(kind == "endless" ? "/endless" : Dropped[i % 3], port, source, reset: i % 2 == 0);
        });

    private static async Task Http1(string path, int port, string source, bool reset)
    {
        using var client = await RawConnection.Open(port, source);
        await client.Send(path == "/dropped-ws" ? WebSocket : $"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Contains((await client.Answer(toHead: true)).Status, new[] { 101, 200 });
        if (path == "/endless")
        {
            // No byte more is read: what is on its way fills the buffers of all three.
            if (reset) client.Socket.LingerState = new LingerOption(true, 0);
            return;
        }

        // The app leaves after a moment; whatever the end looks like, it comes.
        var (text, _) = await client.Rest();
        Assert.False(text.EndsWith("0\r\n\r\n", StringComparison.Ordinal), "ended as if whole");
    }

    private static async Task StopReadingHttp2(int port, string source, bool reset)
    {
        using var client = await RawHttp2.Open(port, source);
        await client.Get(1, "/endless");
        while ((await client.Next())?.Type != FrameType.Headers)
        {
            // Until the answer starts; its window is never opened again.
        }

        if (reset) client.Socket.LingerState = new LingerOption(true, 0);
    }

    private static async Task<(int Sockets, int Descriptors, double Heap)> Settled(DrainProxyProcess proxy)
    {
        await Net.Eventually(async () =>
        {
            var state = await proxy.State();
            var connections = state.GetProperty("connections");
            return state.GetProperty("in_flight").GetInt32() == 0 && state.GetProperty("streams").GetInt32() == 0
                && connections.GetProperty("idle").GetInt32() == 0 && connections.GetProperty("upstream").GetInt32() <= 1;
        }, "everything has ended", 30);
        // But program files, which are opened as their code is first needed.
        var descriptors = Directory.GetFiles($"/proc/{proxy.Child.Id}/fd").Select(f => new FileInfo(f).LinkTarget ?? "")
            .Where(d => !d.EndsWith(".dll", StringComparison.Ordinal) && !d.EndsWith(".so", StringComparison.Ordinal)).ToList();
        return (descriptors.Count(d => d.StartsWith("socket:", StringComparison.Ordinal)), descriptors.Count,
            await proxy.Metric("dotnet_gc_last_collection_memory_committed_size_bytes"));
    }
}
