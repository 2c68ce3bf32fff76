using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The node goes before anybody deletes the pod: the drain begins with the provider's word, and the container stays until its SIGTERM.</summary>
[Trait("needs", "tools")]
public sealed class NodeNoticeTests
{
    /// <summary>What the user would have for a plain container; the proxy of the environment leads nowhere and must not be asked.</summary>
    private static readonly string[] Settings = ["--lb", "none", "--grace", "10s", "--linger", "500ms", "--quiet", "300ms", "--after-drain", "exit", "--readiness-on-drain", "keep"];
    private static readonly Dictionary<string, string> Environment = new() { ["HTTP_PROXY"] = "http://127.0.0.1:1", ["http_proxy"] = "http://127.0.0.1:1" };

    [Fact]
    public async Task A_preempted_node_drains_without_a_lost_request_and_waits_for_its_sigterm()
    {
        await using var metadata = await App.Node(script: "metadata.js");
        await using var app = await App.Node();
        await using var proxy = Start(app, $"gcp={metadata.Address}");
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=1500");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "the request is in flight");

        await Leave(http, metadata);
        // The endpoint goes by readiness alone, whatever --readiness-on-drain says: the pod is not deleted.
        await Net.Answers(proxy.Admin, "/readyz", 503);
        Assert.Equal("slow done", await slow);
        await Drained(proxy);
        // The pod's deletion comes later: the hook returns at once, then SIGTERM.
        Assert.Equal("drained\n", await http.GetStringAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait"));
        await proxy.Listens();
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        var report = proxy.Report();
        Assert.Equal(("node-notice", "clean"), (report.GetProperty("trigger").GetString(), report.GetProperty("result").GetString()));
        Assert.Contains(proxy.Child.Lines, line => line.Contains("preempted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Each_provider_starts_the_drain()
    {
        await using var metadata = await App.Node(script: "metadata.js");
        await using var app = await App.Node();
        using var http = new HttpClient();
        await Leave(http, metadata);
        await Task.WhenAll(
            StartsTheDrain(app, $"aws={metadata.Address}", "spot terminate"),
            StartsTheDrain(app, $"azure={metadata.Address}", "scheduled event Preempt"),
            StartsTheDrain(app, $"{metadata.Address}/own", "maintenance at ten"));
    }

    [Fact]
    public async Task A_metadata_service_that_is_not_there_changes_nothing()
    {
        await using var app = await App.Node();
        await using var proxy = Start(app, $"aws=http://127.0.0.1:{Net.FreePort()}");
        await proxy.Ready();
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("do not come", StringComparison.Ordinal)), "it is told");
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        Assert.Equal("sigterm", proxy.Report().GetProperty("trigger").GetString());
    }

    private static async Task StartsTheDrain(App app, string source, string reason)
    {
        await using var proxy = Start(app, source);
        await Drained(proxy);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        Assert.Equal("node-notice", proxy.Report().GetProperty("trigger").GetString());
        Assert.Contains(proxy.Child.Lines, line => line.Contains(reason, StringComparison.Ordinal));
    }

    private static DrainProxyProcess Start(App app, string source) => DrainProxyProcess.StartAs(app.Address, environment: Environment, more: [.. Settings, "--node-notice", source]);

    private static async Task Leave(HttpClient http, App metadata)
    {
        using var answer = await http.PostAsync($"{metadata.Address}/leave", null);
        Assert.True(answer.IsSuccessStatusCode);
    }

    private static Task Drained(DrainProxyProcess proxy) =>
        Net.Eventually(async () => (await proxy.State()).GetProperty("phase").GetString() == "drained", "the drain is over");
}
