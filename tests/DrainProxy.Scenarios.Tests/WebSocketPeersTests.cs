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

    /// <summary>
    /// In streams of HTTP/2 (RFC 8441), from the client, to the app, or both: the bytes after the handshake are those of a direct
    /// conversation in the app's protocol.
    /// </summary>
    [Theory]
    [InlineData("server", "client-h2", "client")]
    [InlineData("server", "client-h2", "server")]
    [InlineData("server-h2", "client-h2", "client")]
    [InlineData("server-h2", "client-h2", "server")]
    [InlineData("server-h2", "client-plain", "client")]
    [InlineData("server-h2", "client-plain", "server")]
    public async Task The_same_comes_through_streams_of_HTTP2(string server, string client, string ending)
    {
        var port = Net.FreePort();
        await using var app = Peers.Node("ws_peer.js", server, $"{port}");
        await Peers.Serves(app);
        await using var proxy = DrainProxyProcess.Start($"{(server == "server" ? "http" : "h2c")}://127.0.0.1:{port}");
        await proxy.Ready();
        var direct = await Talk(app, "ws", port, ending, server == "server" ? "client-plain" : "client-h2");
        var through = await Talk(app, "ws", proxy.Port, ending, client);
        Assert.Contains(direct, l => l.StartsWith("server:", StringComparison.Ordinal) && l.EndsWith(ending == "server" ? "4001 as asked" : "4002 done", StringComparison.Ordinal));
        Assert.Contains("client: one two three", direct);
        Assert.Equal(direct, through);
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 0, "nothing is in flight");
    }

    /// <summary>The end of a pod is told to both sides, in streams of HTTP/2.</summary>
    [Theory]
    [InlineData("server", "client-h2")]
    [InlineData("server-h2", "client-h2")]
    public async Task Both_sides_hear_1001_in_streams_of_HTTP2(string server, string client)
    {
        var port = Net.FreePort();
        await using var app = Peers.Node("ws_peer.js", server, $"{port}");
        await Peers.Serves(app);
        await using var proxy = DrainProxyProcess.Start(
            $"{(server == "server" ? "http" : "h2c")}://127.0.0.1:{port}", "--lb", "none", "--grace", "20s", "--linger", "200ms", "--quiet", "200ms");
        await proxy.Ready();
        await using var talk = Peers.Node("ws_peer.js", client, $"{proxy.Port}", "drain");
        await Net.Eventually(() => Task.FromResult(talk.Lines.Contains("client: idle")), "the conversation pauses");
        proxy.Child.Signal(Child.Sigterm);
        Assert.True(await talk.Exit(TimeSpan.FromSeconds(15)) == 0, talk.Output);
        Assert.EndsWith("closed 1001 ", talk.Lines.Last(), StringComparison.Ordinal);
        await Net.Eventually(() => Task.FromResult(Told(app).Any(l => l.EndsWith("closed 1001 ", StringComparison.Ordinal))), "the app hears 1001");
        Assert.True(await proxy.Child.Exit(TimeSpan.FromSeconds(15)) == 0, proxy.Child.Output);
        Assert.Equal(1, proxy.Report().GetProperty("streams_closed").GetProperty("websocket").GetInt32());
    }

    private static Child Start(string library, params object[] arguments)
    {
        string[] words = [.. arguments.Select(a => $"{a}")];
        return library == "ws" ? Peers.Node("ws_peer.js", words) : Peers.Python("ws_peer.py", "websockets", words);
    }

    /// <summary>What both sides tell of one conversation.</summary>
    private static async Task<List<string>> Talk(Child server, string library, int port, string ending, string role = "client")
    {
        var before = Told(server).Count;
        await using var client = Start(library, role, port, ending);
        Assert.True(await client.Exit(TimeSpan.FromSeconds(20)) == 0, client.Output);
        await Net.Eventually(() => Task.FromResult(Told(server).Count > before), "the server has seen the end");
        return [.. client.Lines, .. Told(server).Skip(before)];
    }

    private static string WithoutDigest(string line) => Regex.Replace(line, "[0-9a-f]{64}", "digest");

    private static List<string> Told(Child server) => [.. server.Lines.Where(l => l.StartsWith("server:", StringComparison.Ordinal))];
}
