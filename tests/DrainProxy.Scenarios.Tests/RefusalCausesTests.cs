using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Reasons of docs/errors.md for which a request is refused before the app sees it: in the metric, in the access log and in Proxy-Status. Elsewhere: a full
/// queue (AttributionTests), a wait in vain (MemoryAdmissionTests), descriptors (ProcessFaultTests), our own memory (OwnMemoryTests).
/// </summary>
[Trait("needs", "tools")]
public sealed class RefusalCausesTests
{
    [Fact]
    [Trait("cause", "max_in_flight")]
    public async Task More_than_may_be_with_the_app_are_refused_where_nobody_waits()
    {
        await using var app = await Hungry();
        await using var proxy = await Start(app, "--max-in-flight", "1");
        await Refused(proxy, "/hold?mb=1&ms=3000", "/", "max_in_flight");
    }

    [Fact]
    [Trait("cause", "memory")]
    public async Task What_does_not_fit_into_the_apps_memory_is_refused_where_nobody_waits()
    {
        await using var app = await Hungry();
        await using var proxy = await Start(app, "--memory-source", "port", "--memory-limit", "300Mi");
        await Net.Eventually(async () => await proxy.Metric("drainproxy_memory_source{method=\"processes\"}") == 1, "the processes are found", 30);
        await Refused(proxy, "/hold?mb=150&ms=3000", "/hold?mb=150&ms=1", "memory");
    }

    [Fact]
    [Trait("cause", "closing")]
    public async Task The_health_path_says_that_the_pod_goes()
    {
        await using var app = await Hungry();
        await using var proxy = await Start(app, "--health-path", "/healthz", "--linger", "3s");
        proxy.Child.Signal(Child.Sigterm);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        using var client = await RawConnection.Open(proxy.Port);
        var answer = await client.Exchange("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(503, answer.Status);
        Assert.Contains("error=proxy_internal_response", answer.Field("Proxy-Status"), StringComparison.Ordinal);
        await Logged(proxy, "closing");
        Assert.Equal(0, await proxy.Metric("drainproxy_shed_total{reason=\"closing\"}"));
    }

    private static async Task Refused(DrainProxyProcess proxy, string first, string second, string reason)
    {
        using var holder = await RawConnection.Open(proxy.Port);
        await holder.Send($"GET {first} HTTP/1.1\r\nHost: x\r\n\r\n");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "the first is under way");
        using var client = await RawConnection.Open(proxy.Port);
        var answer = await client.Exchange($"GET {second} HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(503, answer.Status);
        Assert.Contains("error=proxy_internal_response", answer.Field("Proxy-Status"), StringComparison.Ordinal);
        Assert.Contains(reason, answer.Field("Proxy-Status"), StringComparison.Ordinal);
        Assert.InRange(int.Parse(answer.Field("Retry-After"), System.Globalization.CultureInfo.InvariantCulture), 1, 3);
        await Logged(proxy, reason);
        Assert.Equal(1, await proxy.Metric($"drainproxy_shed_total{{reason=\"{reason}\"}}"));
        Assert.Equal(200, (await holder.Answer()).Status);
    }

    private static async Task<DrainProxyProcess> Start(App app, params string[] more)
    {
        string[] all = ["--access-log", "errors", "--app-idle-timeout", "4s", "--hold-timeout", "0s", "--lb", "none", "--grace", "10s", "--quiet", "200ms", .. more];
        var proxy = DrainProxyProcess.Start(app.Address, all);
        await proxy.Ready();
        return proxy;
    }

    private static Task Logged(DrainProxyProcess proxy, string cause) => Net.Eventually(
        () => Task.FromResult(proxy.Child.Output.Contains($"\"cause\":\"{cause}\"", StringComparison.Ordinal)), $"{cause} in the access log");

    private static Task<App> Hungry() => App.Start([Tool.Find("node", "nodejs"), Path.Combine(AppContext.BaseDirectory, "Apps", "hungry.js")], Net.FreePort());
}
