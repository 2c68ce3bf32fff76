using System.Net;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>An app that is away for longer than requests wait: refused at once, tried by one, and then open to all.</summary>
[Trait("needs", "tools")]
public sealed class BreakerTests
{
    private const string Open = "drainproxy_upstream_errors_total{cause=\"breaker_open\"}";
    private const string Exhausted = "drainproxy_upstream_errors_total{cause=\"hold_exhausted\"}";

    [Fact]
    [Trait("cause", "breaker_open")]
    public async Task After_one_wait_in_vain_nobody_waits_until_the_app_answers()
    {
        var port = Net.FreePort();
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", "--hold-timeout", "1s", "--app-idle-timeout", "4s");
        await proxy.Listens();
        using var http = Client(proxy);
        await Refused(http, "the app did not answer within the hold timeout");
        for (var i = 0; i < 50; i++) await Refused(http, "not waiting for it again");
        Assert.Equal(1, await proxy.Metric(Exhausted));
        Assert.Equal(50, await proxy.Metric(Open));
        Assert.Equal(0, await proxy.Metric("drainproxy_held_requests"));

        await using var app = await Start(port);
        await Net.Eventually(async () => (await http.GetAsync("/")).StatusCode == HttpStatusCode.OK, "the app is served again");
        var refused = await proxy.Metric(Open);
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 50).Select(i => http.GetStringAsync($"/?{i}"))), a => Assert.Equal("ok", a));
        Assert.Equal(refused, await proxy.Metric(Open));
        Assert.Contains("Breaker Closed", proxy.Child.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_request_tries_the_app_that_came_back_and_the_others_wait_for_it()
    {
        var port = Net.FreePort();
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", "--hold-timeout", "2s", "--app-idle-timeout", "4s");
        await proxy.Listens();
        using var http = Client(proxy);
        await Refused(http, "within the hold timeout");
        await using var app = await Start(port);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_app_up") == 1, "the app is seen");
        Assert.All(await Task.WhenAll(Enumerable.Range(0, 50).Select(i => http.GetStringAsync($"/?{i}"))), a => Assert.Equal("ok", a));
        var counts = await Counts(port);
        Assert.Equal(1, counts.GetProperty("beforeFirstAnswer").GetInt32());
        Assert.Equal(50, counts.GetProperty("arrived").GetInt32());
        Assert.InRange(await proxy.Metric("drainproxy_held_requests_peak"), 1, 49);
    }

    [Fact]
    public async Task An_app_that_fails_its_trial_gets_one_request_at_a_time()
    {
        var port = Net.FreePort();
        await using var proxy = DrainProxyProcess.Start($"http://127.0.0.1:{port}", "--hold-timeout", "500ms", "--app-idle-timeout", "4s");
        await proxy.Listens();
        using var http = Client(proxy);
        await Refused(http, "within the hold timeout");
        await using var app = await Start(port, leaves: 2);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_app_up") == 1, "the app is seen");
        // Not idempotent, so that each trial is one request to the app.
        var failed = 0;
        await Net.Eventually(async () =>
        {
            using var answer = await http.PostAsync("/", new StringContent("order"));
            if (answer.StatusCode == HttpStatusCode.BadGateway) failed++;
            else if (answer.StatusCode != HttpStatusCode.OK) Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
            return answer.StatusCode == HttpStatusCode.OK;
        }, "the third trial passes", seconds: 15);
        Assert.Equal(2, failed);
        Assert.Equal(3, (await Counts(port)).GetProperty("arrived").GetInt32());
        Assert.Equal(2, await proxy.Metric("drainproxy_upstream_errors_total{cause=\"closed_before_answer\"}"));
    }

    private static HttpClient Client(DrainProxyProcess proxy) =>
        new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };

    private static async Task Refused(HttpClient http, string detail)
    {
        using var answer = await http.GetAsync("/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 3);
        var status = answer.Headers.GetValues("Proxy-Status").Single();
        Assert.Contains("error=destination_unavailable", status, StringComparison.Ordinal);
        Assert.Contains(detail, status, StringComparison.Ordinal);
    }

    private static async Task<Child> Start(int port, int leaves = 0)
    {
        var child = Child.Start(Tool.Find("node", "nodejs"), [Path.Combine(AppContext.BaseDirectory, "Apps", "gate.js")], new Dictionary<string, string>
        {
            ["PORT"] = $"{port}",
            ["LEAVES"] = $"{leaves}",
        });
        await Net.Answers(port, "/counts");
        return child;
    }

    private static async Task<JsonElement> Counts(int port)
    {
        using var http = new HttpClient();
        return JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{port}/counts")).RootElement;
    }
}
