using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>A network that loses one packet in twenty each way: slower, but nothing of it may show.</summary>
[Trait("needs", "tools")]
public sealed class LossyNetworkTests
{
    private const int Clients = 10;
    private const int Requests = 20;

    // 203.0.113.0/24 is for documentation only (RFC 5737).
    private const string Us = "203.0.113.1";

    [Fact]
    public async Task Nothing_is_lost_with_the_packets()
    {
        var iptables = Tool.Find("iptables", "iptables");
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"0.0.0.0:{port}", "--app", app.Address, "--admin", $"127.0.0.1:{admin}", "--lb", "none", "--grace", "20s", "--quiet", "200ms"]);
        await Net.Answers(admin, "/readyz");
        var lose = "-m statistic --mode random --probability 0.05 -j DROP";
        var script = Path.Combine(AppContext.BaseDirectory, "Apps", "lossy_client.py");
        await using var network = await LinkedNetwork.Start(Us, "203.0.113.2", "/bin/bash", "-c",
            $"{iptables} -A INPUT {lose} && {iptables} -A OUTPUT {lose} && python3 {script} {Us} {port} {Clients} {Requests}; {iptables} -nvxL INPUT | grep DROP");
        await Net.Eventually(() => Task.FromResult(network.Child.Lines.Any(l => l.StartsWith("done:", StringComparison.Ordinal))), "all clients are done", 60);
        Assert.Contains("failures: []", network.Child.Lines);
        Assert.Contains($"done: {Clients * Requests}", network.Child.Lines);

        // A request in flight finishes while the process drains.
        await Net.Eventually(async () =>
        {
            using var http = new HttpClient();
            return (await http.GetStringAsync($"http://127.0.0.1:{admin}/state")).Contains("\"in_flight\":1,", StringComparison.Ordinal);
        }, "in flight", 30);
        proxy.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Exit(TimeSpan.FromSeconds(20)));
        await network.Child.Exit(TimeSpan.FromSeconds(20));
        Assert.Contains("slow: 200 slow done", network.Child.Lines);
        var dropped = network.Child.Lines.Single(l => l.Contains("DROP", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[0];
        Assert.True(long.Parse(dropped) > 0, "no packet was lost: this showed nothing");
    }
}
