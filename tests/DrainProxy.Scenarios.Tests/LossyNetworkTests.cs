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

    /// <summary>Share of the packets that are lost, each way; LOSS=0.3 for a network on which hardly anything works.</summary>
    private static readonly double Loss = double.Parse(Environment.GetEnvironmentVariable("LOSS") ?? "0.1", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task Answers_that_were_taken_over_a_bad_network_are_not_lost_and_those_that_were_not_are()
    {
        // 20 clients take three answers each and close in order; then 20 more have their answer in the kernel and end by a reset.
        const string Client = """
            import os, socket, struct, sys, threading, time
            port = int(sys.argv[1])
            def one(take):
                while True:
                    try:
                        s = socket.create_connection(("203.0.113.1", port), 60)
                        break
                    except OSError:
                        time.sleep(0.05)
                for i in range(3 if take else 1):
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    if take:
                        got = b""
                        while not got.endswith(b"ok 0"):
                            part = s.recv(65536)
                            if not part:
                                print("cut", flush=True)
                                break
                            got += part
                    else:
                        s.recv(1, socket.MSG_PEEK)
                        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                s.close()
            for take in True, False:
                threads = [threading.Thread(target=one, args=(take,)) for _ in range(20)]
                [t.start() for t in threads]
                [t.join() for t in threads]
                print("polite" if take else "reset", flush=True)
                while not take or not os.path.exists(sys.argv[2]):
                    time.sleep(0.05)
            """;
        var iptables = Tool.Find("iptables", "iptables");
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"0.0.0.0:{port}", "--app", app.Address, "--admin", $"127.0.0.1:{admin}", "--lb", "none", "--app-idle-timeout", "4s"]);
        await Net.Answers(admin, "/readyz");
        using var folder = new TemporaryFolder();
        var script = folder.Write("client.py", Client);
        var go = Path.Combine(folder.Path, "go");
        var lose = FormattableString.Invariant($"-m statistic --mode random --probability {Loss} -j DROP");
        await using var network = await LinkedNetwork.Start(Us, "203.0.113.2", "/bin/bash", "-c",
            $"{iptables} -A INPUT {lose} && {iptables} -A OUTPUT {lose} && python3 {script} {port} {go}");
        await Net.Eventually(() => Task.FromResult(network.Child.Lines.Contains("polite")), "all answers were taken", 120);
        Assert.DoesNotContain("cut", network.Child.Lines);
        await Net.Eventually(async () => await Metric(admin, "drainproxy_connections{side=\"downstream\",state=\"idle\"}") == 0, "all have closed", 60);
        Assert.Equal(0, await Metric(admin, "drainproxy_responses_lost_total"));

        await File.WriteAllTextAsync(go, "");
        await Net.Eventually(() => Task.FromResult(network.Child.Lines.Contains("reset")), "all have reset", 120);
        // A reset is sent once: those that the network lost are not heard of.
        await Net.Eventually(async () => await Metric(admin, "drainproxy_responses_lost_total") >= (Loss > 0.2 ? 5 : 10), "they are counted");
        Assert.InRange(await Metric(admin, "drainproxy_responses_lost_total"), 1, 20);
    }

    private static async Task<double> Metric(int admin, string name)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync($"http://127.0.0.1:{admin}/metrics");
        return double.Parse(text.Split('\n').Single(l => l.StartsWith(name + " ", StringComparison.Ordinal))[(name.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }
}
