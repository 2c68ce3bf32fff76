using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The httpGet hook that the app had before the injection: called by DrainProxy, between the last request and the app's SIGTERM.</summary>
[Trait("needs", "tools")]
public sealed class AppPrestopTests
{
    [Fact]
    public async Task It_is_called_once_after_the_last_request_and_before_the_hook_returns()
    {
        await using var app = await App.Node(script: "goodbye.js");
        await using var proxy = DrainProxyProcess.StartAs(
            app.Address, environment: new Dictionary<string, string> { ["DRAINPROXY_APP_PRESTOP"] = $"{app.Address}/bye?from=kubelet\nX-Token: secret" },
            more: ["--lb", "none", "--grace", "10s", "--quiet", "300ms"]);
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=1000");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "the request is in flight");

        var hook = http.GetAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait");
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal("slow done", await slow);
        Assert.Equal(200, (int)(await hook).StatusCode);
        await Net.Eventually(() => Task.FromResult(app.Child.Lines.Count >= 2), "the app's lines");
        Assert.Equal(["GET /slow?ms=1000", "GET /bye?from=kubelet secret"], app.Child.Lines);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        var called = proxy.Report().GetProperty("app_prestop").EnumerateArray().Single();
        Assert.Equal(($"{app.Address}/bye", 200), (called.GetProperty("url").GetString(), called.GetProperty("status").GetInt32()));
        Assert.DoesNotContain("secret", proxy.Child.Output, StringComparison.Ordinal);
    }
}
