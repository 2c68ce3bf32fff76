using System.Net;
using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What is wrong, missing or too much gets a clear error or a clean end.</summary>
[Trait("needs", "tools")]
public sealed class BadInputTests
{
    private static readonly string[] Quick = ["--lb", "none", "--grace", "6s", "--quiet", "200ms"];

    [Fact]
    public async Task A_port_in_use_is_exit_69_with_the_address()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;
        await using var proxy = Child.Start(
            DrainProxyProcess.Program, ["run", "--listen", $"127.0.0.1:{port}", "--admin", $"127.0.0.1:{Net.FreePort()}"]);
        Assert.Equal(69, await proxy.Exit(TimeSpan.FromSeconds(10)));
        Assert.Contains($"127.0.0.1:{port}", proxy.Output, StringComparison.Ordinal);
        Assert.Contains("in use", proxy.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1")]
    [InlineData("http://no-such-host.invalid:80")]
    public async Task An_app_that_is_not_there_is_held_then_refused(string app)
    {
        await using var proxy = DrainProxyProcess.Start(app, [.. Quick, "--hold-timeout", "1s"]);
        using var http = new HttpClient();
        await Net.Answers(proxy.Admin, "/readyz", 503);
        using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Port}/");
        Assert.Equal(503, (int)answer.StatusCode);
        Assert.StartsWith("drainproxy; error=destination_unavailable", answer.Headers.GetValues("Proxy-Status").Single(), StringComparison.Ordinal);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.MediaType);
        Assert.NotNull(answer.Headers.RetryAfter);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(6)));
    }

    [Fact]
    public async Task Requests_before_the_app_listens_wait_for_it()
    {
        var port = Net.FreePort();
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", Quick);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        using var http = new HttpClient();
        var held = Enumerable.Range(0, 20).Select(_ => http.PostAsync($"http://127.0.0.1:{proxy.Port}/", new StringContent("body"))).ToList();
        await Net.Eventually(async () => await proxy.Metric("drainproxy_held_requests") == 20, "20 are held");
        await using var app = await App.Node(port: port);
        foreach (var answer in await Task.WhenAll(held)) Assert.Equal("ok 4", await answer.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task A_drain_is_started_from_loopback_only()
    {
        var address = Dns.GetHostAddresses(Dns.GetHostName())
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        address ??= System.Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
            .SelectMany(n => n.GetIPProperties().UnicastAddresses).Select(a => a.Address)
            .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));
        Assert.SkipWhen(address is null, "this machine has no address beside loopback");
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(
            DrainProxyProcess.Program, ["run", "--listen", $"127.0.0.1:{port}", "--admin", $"0.0.0.0:{admin}", .. Quick]);
        await Net.Answers(admin, "/livez");
        using var http = new HttpClient();
        Assert.Equal(403, (int)(await http.PostAsync($"http://{address}:{admin}/drain", null)).StatusCode);
        Assert.Equal(200, (int)(await http.GetAsync($"http://{address}:{admin}/livez")).StatusCode);
        Assert.Equal(202, (int)(await http.PostAsync($"http://127.0.0.1:{admin}/drain", null)).StatusCode);
        Assert.Equal(0, await proxy.Exit(TimeSpan.FromSeconds(6)));
        Assert.Contains("\"trigger\":\"http\"", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_thousand_hook_callers_are_all_answered()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Quick);
        await proxy.Ready();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = 2000 }) { Timeout = TimeSpan.FromSeconds(60) };
        var codes = await Task.WhenAll(Enumerable.Range(0, 10_000).Select(async _ =>
        {
            using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait");
            return (int)answer.StatusCode;
        }));
        Assert.All(codes, c => Assert.True(c is 200 or 429, $"{c}"));
        Assert.Contains(429, codes);
        Assert.True(codes.Count(c => c == 200) >= 1024);
        Assert.Equal("serving", (await proxy.State()).GetProperty("phase").GetString());
    }

    [Fact]
    public async Task Sigterm_during_start_is_a_clean_end()
    {
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{Net.FreePort()}", Quick);
        await Net.Eventually(() => Task.FromResult(proxy.Child.Lines.Count > 0), "the first line");
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(6)));
        Assert.Equal("clean", proxy.Report().GetProperty("result").GetString());
    }

    [Fact]
    public async Task Sigterm_with_the_app_dead_is_a_clean_end()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Quick);
        await proxy.Ready();
        app.Child.Signal(Child.Sigkill);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(6)));
    }

    [Theory]
    [InlineData("exec \"$@\" > /dev/full")]
    [InlineData("\"$@\" | sleep 15 > /dev/null 2>&1")]
    public async Task A_full_disk_or_a_stuck_reader_does_not_keep_the_process(string how)
    {
        await using var app = await App.Node();
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var shell = Child.Start("/bin/bash",
            ["-c", "echo $$; " + how, "sh", DrainProxyProcess.Program, "run", "--listen", $"127.0.0.1:{port}", "--app", app.Address,
                "--admin", $"127.0.0.1:{admin}", "--access-log", "all", .. Quick]);
        await Net.Answers(admin, "/readyz");
        using var http = new HttpClient();
        // More log than a pipe holds.
        for (var i = 0; i < 1000; i++) Assert.Equal("ok 0", await http.GetStringAsync($"http://127.0.0.1:{port}/?{new string('x', 100)}"));
        Assert.Equal(202, (int)(await http.PostAsync($"http://127.0.0.1:{admin}/drain", null)).StatusCode);
        await Net.Eventually(async () =>
        {
            try
            {
                await http.GetAsync($"http://127.0.0.1:{admin}/livez");
                return false;
            }
            catch (HttpRequestException)
            {
                return true;
            }
        }, "the admin listener is gone", 8);
    }

    [Fact]
    public async Task A_second_signal_in_dev_cuts_at_once()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.StartCommand("dev", app.Address, "--grace", "60s");
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=60000");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "in flight");
        proxy.Child.Signal(2);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        proxy.Child.Signal(2);
        Assert.Equal(1, await proxy.Child.Exit(TimeSpan.FromSeconds(5)));
        Assert.Equal("forced", proxy.Report().GetProperty("result").GetString());
        Assert.Equal(503, (int)(await slow).StatusCode);
    }

    [Fact]
    public async Task After_drain_stay_waits_for_sigterm()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, [.. Quick, "--after-drain", "stay"]);
        await proxy.Ready();
        await using var signal = Child.Start(DrainProxyProcess.Program, ["signal", "terminating", "--admin", $"127.0.0.1:{proxy.Admin}"]);
        Assert.Equal(0, await signal.Exit(TimeSpan.FromSeconds(5)));
        await Net.Eventually(
            async () => (await proxy.State()).GetProperty("last_termination").ValueKind == System.Text.Json.JsonValueKind.Object, "the report is there");
        Assert.Equal("drained", (await proxy.State()).GetProperty("phase").GetString());
        Assert.Equal("command", (await proxy.State()).GetProperty("last_termination").GetProperty("trigger").GetString());
        Assert.False(proxy.Child.HasExited);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(5)));
    }
}
