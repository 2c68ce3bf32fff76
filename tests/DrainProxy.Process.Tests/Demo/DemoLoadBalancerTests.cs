using DrainProxy.Demo;
using DrainProxy.Demo.App;
using DrainProxy.Demo.Load;
using DrainProxy.Demo.LoadBalancing;

namespace DrainProxy.Process.Tests.Demo;

/// <summary>The built-in load balancer in front of the built-in app, over real sockets: what clients see must be what happened.</summary>
public sealed class DemoLoadBalancerTests
{
    private static readonly DemoSettings Settings = new();
    private static readonly TimeSpan LongIdle = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Requests_reach_the_app_and_answers_the_client()
    {
        using var app = new DemoApp(0, LongIdle, TimeProvider.System);
        await using var balancer = new DemoLoadBalancer(Settings, TimeProvider.System);
        balancer.Register(app.Port);

        var seen = await SendAsync(balancer.Port, 6);

        Assert.Equal((6, 0), (seen.Requests, seen.Failed));
    }

    [Fact]
    public async Task Refused_connection_is_one_failure_and_no_second_attempt()
    {
        using var stopped = new DemoApp(0, LongIdle, TimeProvider.System);
        await stopped.StopAsync();
        using var app = new DemoApp(0, LongIdle, TimeProvider.System);
        await using var balancer = new DemoLoadBalancer(Settings, TimeProvider.System);
        balancer.Register(stopped.Port);
        balancer.Register(app.Port);

        var seen = await SendAsync(balancer.Port, 6);

        Assert.Equal((6, 3), (seen.Requests, seen.Failed));
        Assert.Equal(3, seen.Failures["502: connection refused"]);
    }

    [Fact]
    public async Task Deregistered_target_gets_no_request()
    {
        using var app = new DemoApp(0, LongIdle, TimeProvider.System);
        await using var balancer = new DemoLoadBalancer(Settings, TimeProvider.System);
        balancer.Register(app.Port);
        balancer.Deregister(app.Port);

        var seen = await SendAsync(balancer.Port, 1);

        Assert.Equal(1, seen.Failures["503: no target registered"]);
    }

    [Fact(Timeout = 30_000)]
    public async Task App_that_stops_finishes_the_request_under_way()
    {
        using var app = new DemoApp(0, LongIdle, TimeProvider.System);
        await using var balancer = new DemoLoadBalancer(Settings, TimeProvider.System);
        balancer.Register(app.Port);
        var tally = new Tally();
        using var client = new LoadClient(balancer.Port, tally, Settings.ClientTimeout, TimeProvider.System);
        await client.GetAsync("/first", CancellationToken.None);

        var slow = client.PostAsync("/slow?work=300", "body", CancellationToken.None);
        while (app.Working == 0)
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, TestContext.Current.CancellationToken);
        await app.StopAsync();
        await slow;

        Assert.Equal((2, 0), (tally.Snapshot().Requests, tally.Snapshot().Failed));
    }

    private static async Task<Outcome> SendAsync(int port, int requests)
    {
        var tally = new Tally();
        using var client = new LoadClient(port, tally, Settings.ClientTimeout, TimeProvider.System);
        for (var n = 0; n < requests; n++)
            await (n % 2 == 0 ? client.GetAsync($"/orders/{n}", CancellationToken.None) : client.PostAsync($"/orders/{n}", "body", CancellationToken.None));
        return tally.Snapshot();
    }
}
