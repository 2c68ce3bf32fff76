using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>IPv6 only, both families on one socket, and IPv4, for each of the three addresses.</summary>
[Trait("needs", "tools")]
public sealed class AddressTests
{
    [Theory]
    [InlineData("[::1]", "[::1]", "::1", "[::1]", "[::1]")]
    [InlineData("[::]", "[::1]", "::1", "[::]", "[::1] 127.0.0.1")]
    [InlineData("[::]", "127.0.0.1", "127.0.0.1", "[::]", "[::1] 127.0.0.1")]
    [InlineData("0.0.0.0", "[::1]", "::1", "0.0.0.0", "127.0.0.1")]
    [InlineData("[::1]", "localhost", "127.0.0.1", "[::1]", "[::1]")]
    [InlineData("[::1]", "[::1]", "::", "127.0.0.1", "[::1]")]
    public async Task Every_family_is_served(string listen, string app, string appListens, string admin, string clientsAt)
    {
        Assert.SkipUnless(HasIPv6(), "this machine has no IPv6 loopback address");
        var (port, adminPort, appPort) = (Net.FreePort(), Net.FreePort(), Net.FreePort());
        await using var node = Child.Start(Tool.Find("node", "nodejs"), [Path.Combine(AppContext.BaseDirectory, "Apps", "faults.js")],
            new Dictionary<string, string> { ["PORT"] = $"{appPort}", ["HOST"] = appListens });
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"{listen}:{port}", "--app", $"http://{app}:{appPort}", "--admin", $"{admin}:{adminPort}", "--lb", "none", "--grace", "6s", "--quiet", "200ms"]);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var adminAt = admin is "[::]" ? "[::1]" : admin is "0.0.0.0" ? "127.0.0.1" : admin;
        await Net.Eventually(async () => (await http.GetAsync($"http://{adminAt}:{adminPort}/readyz")).IsSuccessStatusCode, $"ready\n{proxy.Output}");
        foreach (var client in clientsAt.Split(' '))
        {
            Assert.Equal("ok", await http.GetStringAsync($"http://{client}:{port}/"));
            using var answer = await http.PostAsJsonAsync($"http://{client}:{port}/", "body");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        // Loopback of either family may start a drain.
        Assert.Equal(HttpStatusCode.Accepted, (await http.PostAsync($"http://{adminAt}:{adminPort}/drain", null)).StatusCode);
        Assert.Equal(0, await proxy.Exit(TimeSpan.FromSeconds(6)));
    }

    private static bool HasIPv6()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
