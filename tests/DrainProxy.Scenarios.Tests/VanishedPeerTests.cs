using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Peers that go without a word, as when a node dies: their network is taken away while their connections are open.</summary>
[Trait("needs", "tools")]
public sealed class VanishedPeerTests
{
    private const int Clients = 500;

    // 198.51.100.0/24 is for documentation only (RFC 5737).
    private const string Connect = """
        import socket, sys, time
        kept = []
        while len(kept) < int(sys.argv[2]):
            try:
                s = socket.create_connection(("198.51.100.1", int(sys.argv[1])), 5)
            except OSError:
                time.sleep(0.05)
                continue
            if len(kept) % 2:
                s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                s.recv(1000)
            kept.append(s)
        print("connected", flush=True)
        time.sleep(60)
        """;

    [Fact]
    public async Task Half_open_connections_are_given_up()
    {
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"0.0.0.0:{port}", "--app", app.Address, "--admin", $"127.0.0.1:{admin}", "--idle-timeout", "8s"]);
        await Net.Answers(admin, "/readyz");
        var before = Sockets(proxy);

        await using var network = await LinkedNetwork.Start("198.51.100.1", "198.51.100.2", "python3", "-c", Connect, $"{port}", $"{Clients}");
        await Net.Eventually(() => Task.FromResult(network.Child.Lines.Contains("connected")), "the clients are connected", 30);
        // The kernel has them before the proxy has.
        await Net.Eventually(() => Task.FromResult(Sockets(proxy) >= Clients), "all have been accepted");
        await network.Cut();
        await Net.Eventually(() => Task.FromResult(Sockets(proxy) <= before + 5), "their sockets are gone", 30);
        await Net.Answers(admin, "/readyz");
    }

    private static int Sockets(Child process) => Directory.GetFiles($"/proc/{process.Id}/fd")
        .Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
