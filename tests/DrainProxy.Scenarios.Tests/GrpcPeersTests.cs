using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// gRPC of two libraries, each as client and as server: the four kinds of calls, trailers, an answer of trailers only, a deadline and a
/// cancellation, both of which the server hears of.
/// </summary>
[Trait("needs", "tools")]
public sealed class GrpcPeersTests
{
    [Theory]
    [InlineData("grpc-js", "grpc-js")]
    [InlineData("grpc-js", "grpcio")]
    [InlineData("grpcio", "grpc-js")]
    [InlineData("grpcio", "grpcio")]
    public async Task All_kinds_of_calls_pass(string server, string client)
    {
        var port = Net.FreePort();
        await using var app = Start(server, "server", port);
        await Peers.Serves(app);
        await using var proxy = DrainProxyProcess.Start($"h2c://127.0.0.1:{port}");
        await proxy.Ready();
        await using var calls = Start(client, "kinds", proxy.Port);
        Assert.True(await calls.Exit(TimeSpan.FromSeconds(20)) == 0, calls.Output);
        Assert.Contains("all as expected", calls.Lines);
        await Net.Eventually(() => Task.FromResult(app.Lines.Count(l => l == "cancelled") == 2), "the server hears of the deadline and of the cancellation");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 0, "nothing is in flight");
    }

    private static Child Start(string library, string role, int port) =>
        library == "grpc-js" ? Peers.Node("grpc_peer.js", role, $"{port}") : Peers.Python("grpc_peer.py", "grpc", role, $"{port}");
}
