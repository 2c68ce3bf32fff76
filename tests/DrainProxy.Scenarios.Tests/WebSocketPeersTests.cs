using System.Text.RegularExpressions;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Two libraries talk WebSocket, directly and through the proxy: neither side sees a difference, down to the bytes.</summary>
[Trait("needs", "tools")]
public sealed class WebSocketPeersTests
{
    [Theory]
    [InlineData("ws", "ws", "client")]
    [InlineData("ws", "ws", "server")]
    [InlineData("ws", "websockets", "client")]
    [InlineData("websockets", "ws", "server")]
    [InlineData("websockets", "websockets", "server")]
    public async Task The_same_comes_through_as_directly(string server, string client, string ending)
    {
        var port = Net.FreePort();
        await using var app = Start(server, "server", port);
        await Peers.Serves(app);
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}");
        await proxy.Ready();
        var direct = await Talk(app, client, port, ending);
        var through = await Talk(app, client, proxy.Port, ending);
        if ((server, client) == ("ws", "websockets"))
        {
            // Some masks of this client are drawn anew each time (seen between two direct runs), so the count of bytes has to do;
            // the client itself compares every message with its echo.
            direct = [.. direct.Select(WithoutDigest)];
            through = [.. through.Select(WithoutDigest)];
        }

        Assert.Contains(direct, l => l.StartsWith("server:", StringComparison.Ordinal) && l.EndsWith(ending == "server" ? "4001 as asked" : "4002 done", StringComparison.Ordinal));
        Assert.Contains("client: one two three", direct);
        Assert.Equal(direct, through);
        Assert.Equal(0, (await proxy.State()).GetProperty("streams").GetInt32());
    }

    private static Child Start(string library, params object[] arguments)
    {
        string[] words = [.. arguments.Select(a => $"{a}")];
        return library == "ws" ? Peers.Node("ws_peer.js", words) : Peers.Python("ws_peer.py", "websockets", words);
    }

    /// <summary>What both sides tell of one conversation.</summary>
    private static async Task<List<string>> Talk(Child server, string library, int port, string ending)
    {
        var before = Told(server).Count;
        await using var client = Start(library, "client", port, ending);
        Assert.True(await client.Exit(TimeSpan.FromSeconds(20)) == 0, client.Output);
        await Net.Eventually(() => Task.FromResult(Told(server).Count > before), "the server has seen the end");
        return [.. client.Lines, .. Told(server).Skip(before)];
    }

    private static string WithoutDigest(string line) => Regex.Replace(line, "[0-9a-f]{64}", "digest");

    private static List<string> Told(Child server) => [.. server.Lines.Where(l => l.StartsWith("server:", StringComparison.Ordinal))];
}
