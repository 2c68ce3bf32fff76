using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Clients that leave in the middle, 10,000 of each kind, by FIN and by reset, over HTTP/1.1 and HTTP/2: nothing of them stays, neither
/// towards the client nor towards the app.
/// </summary>
[Trait("needs", "tools")]
public sealed class AbandonedStreamsTests
{
    private const int Connections = 10_000;
    private const int AtOnce = 100;

    private const string WebSocket = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";

    [Theory]
    [InlineData("websocket, reset")]
    [InlineData("websocket, fin")]
    [InlineData("events, reset")]
    [InlineData("slow answer, reset")]
    [InlineData("half a head, fin")]
    [InlineData("half a body, fin")]
    [InlineData("http2, open stream")]
    [InlineData("http2, streams reset")]
    public async Task Nothing_of_it_stays(string kind)
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        // The first round warms what is pooled; what the second one adds would be a leak.
        await Many(kind, Connections / 10, proxy.Port);
        await NothingOpen(proxy);
        var (sockets, pss) = (Sockets(proxy.Child), Pss(proxy.Child));
        await Many(kind, Connections, proxy.Port);
        await NothingOpen(proxy);
        await Net.Eventually(() => Task.FromResult(Sockets(proxy.Child) <= sockets + 5), $"sockets are {sockets} again", 30);
        // What a load has used is handed back a little later.
        await Net.Eventually(() => Task.FromResult(Pss(proxy.Child) < pss + (24 << 20)), $"PSS is {pss:n0} again", 30);
        Assert.False(app.Child.HasExited);
        using var client = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok 0", (await client.Exchange("GET / HTTP/1.1\r\nHost: x\r\n\r\n")).Body);
    }

    private static Task Many(string kind, int count, int port) => Parallel.ForAsync(
        0, count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce },
        async (i, _) =>
        {
            // Ports of several loopback addresses: those of one would still be in TIME_WAIT when needed again.
            var source = $"127.0.1.{1 + (i % 50)}";
            if (kind.StartsWith("http2", StringComparison.Ordinal)) await Http2(kind, port, source);
            else await Http1(kind, port, source);
        });

    private static async Task Http1(string kind, int port, string source)
    {
        using var client = await RawConnection.Open(port, source);
        switch (kind)
        {
            case "websocket, reset":
                Assert.Equal(101, (await client.Exchange(WebSocket)).Status);
                client.Socket.LingerState = new LingerOption(true, 0);
                break;
            case "websocket, fin":
                Assert.Equal(101, (await client.Exchange(WebSocket)).Status);
                client.EndOurHalf();
                await client.Rest();
                break;
            case "events, reset":
                await client.Send("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
                Assert.Equal("HTTP/1.1 200 OK", await client.Line());
                client.Socket.LingerState = new LingerOption(true, 0);
                break;
            case "slow answer, reset":
                await client.Send("GET /slow?ms=60000 HTTP/1.1\r\nHost: x\r\n\r\n");
                client.Socket.LingerState = new LingerOption(true, 0);
                break;
            case "half a head, fin":
                await client.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Ha");
                client.EndOurHalf();
                await client.Rest();
                break;
            case "half a body, fin":
                await client.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbeginning");
                client.EndOurHalf();
                await client.Rest();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown");
        }
    }

    private static async Task Http2(string kind, int port, string source)
    {
        using var client = await RawHttp2.Open(port, source);
        client.Socket.LingerState = new LingerOption(true, 0);
        await client.Get(1, "/slow?ms=60000");
        if (kind != "http2, streams reset") return;
        await client.Send(FrameType.ResetStream, 0, 1, [0, 0, 0, 8]);
        await client.Get(3, "/");
        Assert.Equal("ok 0", (await client.Answer(3)).Body);
    }

    private static Task NothingOpen(DrainProxyProcess proxy) => Net.Eventually(async () =>
    {
        var state = await proxy.State();
        var connections = state.GetProperty("connections");
        return state.GetProperty("in_flight").GetInt32() == 0 && state.GetProperty("streams").GetInt32() == 0
            && connections.GetProperty("idle").GetInt32() == 0 && connections.GetProperty("upstream").GetInt32() <= 1;
    }, "everything has ended", 30);

    private static long Pss(Child process)
    {
        var line = File.ReadLines($"/proc/{process.Id}/smaps_rollup").Single(l => l.StartsWith("Pss:", StringComparison.Ordinal));
        return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]);
    }

    private static int Sockets(Child process) => Directory.GetFiles($"/proc/{process.Id}/fd")
        .Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
