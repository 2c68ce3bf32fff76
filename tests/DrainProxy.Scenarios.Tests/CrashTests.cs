using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The app is killed under load and comes back: a pause for its clients, not a 502.</summary>
[Trait("needs", "tools")]
public sealed class CrashTests(ITestOutputHelper output)
{
    /// <summary>Node in any run, ten seconds each; CRASH_APPS=node,puma,gunicorn,java for the others.</summary>
    public static TheoryData<string> Apps => [.. (Environment.GetEnvironmentVariable("CRASH_APPS") ?? "node").Split(',')];

    [Theory]
    [MemberData(nameof(Apps))]
    public async Task A_killed_app_loses_no_GET_and_executes_no_POST_twice(string kind)
    {
        using var folder = new TemporaryFolder();
        var ledger = folder.Write("ledger", "");
        var port = Net.FreePort();
        var app = await LedgerApp.Start(kind, port, ledger, folder);
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}");
        await proxy.Ready();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        var done = new ConcurrentDictionary<string, string>();
        using var stop = new CancellationTokenSource();
        var load = Send(http, perSecond: 200, done, stop.Token);
        await Net.Eventually(() => Task.FromResult(done.Count > 400), "the load runs");
        await LedgerApp.Kill(app);
        await app.DisposeAsync();
        await Net.Pause(3);
        await using var again = await LedgerApp.Start(kind, port, ledger, folder);
        var atRestart = done.Count;
        await Net.Eventually(() => Task.FromResult(done.Count > atRestart + 800), "the load runs again");
        Assert.True(await proxy.Metric("drainproxy_app_restarts_total") >= 1, "the restart is counted");
        await stop.CancelAsync();
        await load;

        await LedgerApp.Kill(again);
        var failed = done.Where(d => d.Value != "200").ToList();
        output.WriteLine($"{kind}: {done.Count} requests, {failed.Count} failed: {string.Join(", ", failed.Select(f => $"{f.Key} {f.Value}"))}");
        Assert.DoesNotContain(failed, d => d.Key.StartsWith("GET", StringComparison.Ordinal));
        // At most what the app held in its hands when it died, each told its cause.
        Assert.InRange(failed.Count, 0, 20);
        Assert.All(failed, d => Assert.Equal("502 connection_terminated", d.Value));
        var executed = (await File.ReadAllLinesAsync(ledger)).Where(l => l.StartsWith("POST", StringComparison.Ordinal)).ToList();
        Assert.Equal(executed.Count, executed.Distinct(StringComparer.Ordinal).Count());
        Assert.Empty(done.Where(d => d.Value == "200" && d.Key.StartsWith("POST", StringComparison.Ordinal)).Select(d => d.Key).Except(executed));
    }

    [Fact]
    public async Task A_thousand_held_requests_are_let_go_as_fast_as_the_app_answers()
    {
        using var folder = new TemporaryFolder();
        var port = Net.FreePort();
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", "--hold-timeout", "60s", "--app-idle-timeout", "5s");
        await Net.Eventually(async () => await proxy.Metric("drainproxy_app_up") == 0, "the proxy has started");
        var before = Anonymous(proxy.Child.Id);
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        var requests = Enumerable.Range(0, 1000).Select(i => http.GetStringAsync($"/?id={i}")).ToList();
        await Net.Eventually(async () => await proxy.Metric("drainproxy_held_requests") == 1000, "a thousand are held", 30);
        var holding = Anonymous(proxy.Child.Id);
        output.WriteLine($"{before >> 20} MiB with nobody held, {holding >> 20} MiB with a thousand: {(holding - before) / 1000} bytes each");
        // With their connections; measured 2026-11-21: see bench/README.md.
        Assert.InRange(holding - before, 0, 64 << 20);
        await using var app = await LedgerApp.Start("node", port, folder.Write("ledger", ""), folder, milliseconds: 50);
        Assert.All(await Task.WhenAll(requests), answer => Assert.Equal("done", answer));
        var pace = JsonDocument.Parse(await http.GetStringAsync("/pace")).RootElement;
        Assert.Equal(1000, pace.GetProperty("arrived").GetInt32());
        // Eight a tick go beside those that answers have earned; a tick more for the edges, and the answers on their way to us.
        var ticks = (pace.GetProperty("elapsed").GetInt32() / 250) + 2;
        Assert.InRange(pace.GetProperty("ahead").GetInt32(), 0, 8 * ticks);
        Assert.Equal(0, await proxy.Metric("drainproxy_held_requests"));
    }

    /// <summary>Memory that is the process's own, in bytes.</summary>
    private static long Anonymous(int process) => 1024 * long.Parse(
        File.ReadLines($"/proc/{process}/status").Single(l => l.StartsWith("RssAnon:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        System.Globalization.CultureInfo.InvariantCulture);

    private static async Task Send(HttpClient http, int perSecond, ConcurrentDictionary<string, string> done, CancellationToken stop)
    {
        var open = new List<Task>();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond), TimeProvider.System);
        try
        {
            for (var i = 0; await timer.WaitForNextTickAsync(stop); i++) open.Add(One(i % 2 == 0 ? HttpMethod.Get : HttpMethod.Post, i));
        }
        catch (OperationCanceledException)
        {
            // Enough.
        }

        await Task.WhenAll(open);

        async Task One(HttpMethod method, int id)
        {
            try
            {
                using var request = new HttpRequestMessage(method, $"/?id={id}") { Content = method == HttpMethod.Post ? new StringContent("order") : null };
                using var answer = await http.SendAsync(request, CancellationToken.None);
                var error = answer.Headers.TryGetValues("Proxy-Status", out var status) ? status.Single().Split("error=")[1].Split(';')[0] : "";
                done[$"{method} {id}"] = answer.StatusCode == HttpStatusCode.OK ? "200" : $"{(int)answer.StatusCode} {error}";
            }
            catch (HttpRequestException e)
            {
                done[$"{method} {id}"] = e.Message;
            }
        }
    }
}
