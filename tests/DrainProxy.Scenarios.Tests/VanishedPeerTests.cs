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
        Assert.SkipUnless(Environment.UserName == "root", "needs root for a network of its own");
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"0.0.0.0:{port}", "--app", app.Address, "--admin", $"127.0.0.1:{admin}", "--idle-timeout", "8s"]);
        await Net.Answers(admin, "/readyz");
        var before = Sockets(proxy);

        var link = $"dp{Environment.ProcessId}";
        await using var clients = Child.Start(Tool.Find("unshare", "util-linux"), ["--net", "python3", "-c", Connect, $"{port}", $"{Clients}"]);
        await Net.Eventually(() => Task.FromResult(Namespace(clients.Id) != Namespace(Environment.ProcessId)), "the clients have a network of their own");
        await Run("ip", $"link add {link} type veth peer name {link}c netns {clients.Id}");
        try
        {
            await Run("ip", $"addr add 198.51.100.1/24 dev {link}");
            await Run("ip", $"link set {link} up");
            await Run("nsenter", $"-t {clients.Id} -n ip addr add 198.51.100.2/24 dev {link}c");
            await Run("nsenter", $"-t {clients.Id} -n ip link set {link}c up");
            await Net.Eventually(() => Task.FromResult(clients.Lines.Contains("connected")), "the clients are connected", 30);
            Assert.True(Sockets(proxy) >= before + Clients, $"{Sockets(proxy)} sockets");
        }
        finally
        {
            await Run("ip", $"link del {link}");
        }

        await Net.Eventually(() => Task.FromResult(Sockets(proxy) <= before + 5), "their sockets are gone", 30);
        await Net.Answers(admin, "/readyz");
    }

    private static string? Namespace(int process) => new FileInfo($"/proc/{process}/ns/net").LinkTarget;

    private static async Task Run(string tool, string arguments)
    {
        await using var command = Child.Start(Tool.Find(tool, tool == "ip" ? "iproute2" : "util-linux"), arguments.Split(' '));
        Assert.True(await command.Exit(TimeSpan.FromSeconds(10)) == 0, $"{tool} {arguments}: {command.Output}");
    }

    private static int Sockets(Child process) => Directory.GetFiles($"/proc/{process.Id}/fd")
        .Count(f => new FileInfo(f).LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) == true);
}
