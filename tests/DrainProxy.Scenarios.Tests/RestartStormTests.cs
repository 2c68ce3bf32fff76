using System.Net;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>An app that dies again and again under load: waits are bounded, each failure has its cause, and nothing is left behind.</summary>
[Trait("needs", "tools")]
public sealed class RestartStormTests
{
    private const int HoldTimeout = 2;

    /// <summary>In the short form six crashes; STORM_SECONDS=20 is the long one.</summary>
    private static readonly double Seconds =
        double.Parse(Environment.GetEnvironmentVariable("STORM_SECONDS") ?? "4", System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task An_app_that_crashes_every_half_second_bounds_waits_and_leaves_nothing()
    {
        using var folder = new TemporaryFolder();
        var (port, ledger) = (Net.FreePort(), folder.Write("ledger", ""));
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", "--hold-timeout", $"{HoldTimeout}s", "--app-idle-timeout", "4s");
        var app = Start(port, ledger);
        await proxy.Ready();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 20).Select(client => Send(http, client, stop.Token)).ToList();
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(Seconds))
        {
            await Net.Pause(0.5);
            await app.DisposeAsync();
            app = Start(port, ledger);
        }

        await stop.CancelAsync();
        var answers = (await Task.WhenAll(clients)).SelectMany(a => a).ToList();
        await using var last = app;
        Assert.Contains(answers, a => a.Status == 200);
        Assert.All(answers, a => Assert.True(
            a.Status == 200
            || (a.Status == 502 && a.Error == "connection_terminated")
            || (a.Status == 503 && a.Error == "destination_unavailable"), $"{a}"));
        // A GET is sent at most three times, each time after a wait for the app; nothing waits for longer than the hold and what the app itself takes.
        Assert.All(answers, a => Assert.True(a.Took < TimeSpan.FromSeconds(HoldTimeout + 5), $"{a}"));
        Assert.Equal(0, await proxy.Metric("drainproxy_held_requests"));
        await Net.Eventually(async () => await proxy.Metric("drainproxy_in_flight_requests") == 0, "nothing is left");
        var posts = (await File.ReadAllLinesAsync(ledger)).Where(l => l.StartsWith("POST", StringComparison.Ordinal)).ToList();
        Assert.Equal(posts.Count, posts.Distinct(StringComparer.Ordinal).Count());
        await Net.Eventually(async () => (await http.GetAsync("/?id=last")).StatusCode == HttpStatusCode.OK, "it is served again");
    }

    private static Child Start(int port, string ledger) => Child.Start(
        Tool.Find("node", "nodejs"), [Path.Combine(AppContext.BaseDirectory, "Apps", "ledger.js")],
        new Dictionary<string, string> { ["PORT"] = $"{port}", ["LEDGER"] = ledger });

    private static async Task<List<(int Status, string Error, TimeSpan Took)>> Send(HttpClient http, int client, CancellationToken stop)
    {
        var answers = new List<(int, string, TimeSpan)>();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var began = TimeProvider.System.GetTimestamp();
            using var request = new HttpRequestMessage(i % 2 == 0 ? HttpMethod.Get : HttpMethod.Post, $"/?id={client}-{i}");
            if (i % 2 == 1) request.Content = new StringContent("order");
            using var answer = await http.SendAsync(request, CancellationToken.None);
            var error = answer.Headers.TryGetValues("Proxy-Status", out var status) ? status.Single().Split("error=")[1].Split(';')[0] : "";
            answers.Add(((int)answer.StatusCode, error, TimeProvider.System.GetElapsedTime(began)));
            await Net.Pause(0.05);
        }

        return answers;
    }
}
