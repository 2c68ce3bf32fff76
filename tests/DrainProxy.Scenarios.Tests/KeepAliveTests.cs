using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The idle race: a request must not meet a connection that the other side is closing.</summary>
[Trait("needs", "tools")]
public sealed class KeepAliveTests
{
    [Fact]
    public Task Posts_around_two_seconds_to_a_node_that_announces_it() => NoPostFails(() => App.Node(keepAliveMs: 2000), 2.0);

    [Fact]
    public Task Posts_around_five_seconds_to_a_node_that_announces_it() => NoPostFails(() => App.Node(keepAliveMs: 5000), 5.0);

    [Fact]
    public Task Posts_around_two_seconds_to_a_gunicorn_that_does_not_announce_it() => NoPostFails(App.Gunicorn, 2.0);

    [Fact]
    public async Task A_load_balancer_with_a_shorter_pool_is_never_closed_first()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--idle-timeout", "6s");
        await proxy.Ready();
        using (var http = Pool(TimeSpan.FromSeconds(4)))
        {
            for (var i = 0; i < 3; i++)
            {
                await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=100")));
                await Net.Pause(3);
            }
        }

        await Net.Eventually(async () => await Downstream(proxy, "peer") >= 10, "the pool closes its connections", 15);
        Assert.Equal(0, await Downstream(proxy, "us"));
    }

    [Fact]
    public async Task An_idle_connection_beyond_the_timeout_is_closed_by_us()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--idle-timeout", "1s");
        await proxy.Ready();
        using var http = Pool(TimeSpan.FromMinutes(1));
        await http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/");
        await Net.Eventually(async () => await Downstream(proxy, "us") == 1, "the idle connection is closed by us");
    }

    private static async Task NoPostFails(Func<Task<App>> start, double idle)
    {
        const int clients = 100;
        const int posts = 5;
        await using var app = await start();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = Pool(TimeSpan.FromMinutes(1));
        var failures = await Task.WhenAll(Enumerable.Range(0, clients).Select(Client));
        Assert.Equal(0, failures.Sum());

        async Task<int> Client(int number)
        {
            var failed = 0;
            for (var i = 0; i < posts; i++)
            {
                using var answer = await http.PostAsync($"http://127.0.0.1:{proxy.Port}/", new StringContent("body"));
                if (!answer.IsSuccessStatusCode) failed++;
                // From a tenth of a second before the app's timeout to a tenth after it, where the race is.
                await Net.Pause(idle - 0.1 + (0.2 * ((number * posts) + i) / (clients * posts)));
            }

            return failed;
        }
    }

    private static HttpClient Pool(TimeSpan idle) =>
        new(new SocketsHttpHandler { UseProxy = false, PooledConnectionIdleTimeout = idle }) { Timeout = TimeSpan.FromSeconds(30) };

    private static Task<double> Downstream(DrainProxyProcess proxy, string by) =>
        proxy.Metric($"drainproxy_connections_closed_total{{side=\"downstream\",by=\"{by}\"}}");
}
