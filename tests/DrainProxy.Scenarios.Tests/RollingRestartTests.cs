using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Two pods behind a real load balancer are replaced one after the other, under load, with endpoint removals that come late. Rates of 200
/// and 1 a second: at the latter quiet proves nothing and the linger floor has to hold.
/// </summary>
[Trait("needs", "tools")]
[Collection(Alone.Name)]
public sealed class RollingRestartTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    [Fact]
    public Task Behind_nginx_with_node_nothing_fails() => NothingFails(() => new Nginx(), () => App.Node(), "nginx");

    [Fact]
    public Task Behind_haproxy_with_puma_nothing_fails() => NothingFails(() => new HaProxy(), App.Puma, "haproxy");

    [Fact]
    public async Task Bare_node_behind_nginx_does_fail()
    {
        var failures = await Roll(() => new Nginx(), () => App.Node(), behind: false, perSecond: 200, removalAfter: 3);
        Assert.NotEmpty(failures);
    }

    [Fact]
    public async Task Bare_puma_behind_haproxy_does_fail()
    {
        var failures = await Roll(() => new HaProxy(), App.Puma, behind: false, perSecond: 200, removalAfter: 3);
        Assert.NotEmpty(failures);
    }

    private static async Task NothingFails(Func<ILoadBalancer> balancer, Func<Task<App>> app, string preset)
    {
        double[] removals = [0, 3, 8];
        double[] rates = [200, 1];
        var cells = from removal in removals from rate in rates select Cell(removal, rate);
        Assert.Empty((await Task.WhenAll(cells)).SelectMany(f => f));

        async Task<IEnumerable<string>> Cell(double removal, double rate)
        {
            var failures = await Roll(balancer, app, behind: true, rate, removal, "--lb", preset, "--grace", "30s");
            return failures.Select(f => $"removal after {removal} s, {rate} a second: {f}");
        }
    }

    private static async Task<IReadOnlyCollection<string>> Roll(
        Func<ILoadBalancer> create, Func<Task<App>> app, bool behind, double perSecond, double removalAfter, params string[] settings)
    {
        await using var balancer = create();
        var pods = new List<Pod> { await Pod.Start(app, behind, settings), await Pod.Start(app, behind, settings) };
        try
        {
            await balancer.Use([.. pods.Select(p => p.Port)]);
            await using var load = new Load(balancer.Port, perSecond);
            await Net.Eventually(() => Task.FromResult(load.Sent >= Math.Min(20, perSecond * 2)), "load runs");
            for (var restart = 0; restart < 2; restart++)
            {
                var old = pods[0];
                pods.Add(await Pod.Start(app, behind, settings));
                await balancer.Use([.. pods.Select(p => p.Port)]);
                var terminated = old.Terminate(Grace);
                await Net.Pause(removalAfter);
                await balancer.Use([.. pods.Skip(1).Select(p => p.Port)]);
                await terminated;
                if (behind) Assert.Equal("clean", old.Proxy.Report().GetProperty("result").GetString());
                pods.RemoveAt(0);
                await old.DisposeAsync();
            }

            await load.Stop();
            return load.Failures;
        }
        finally
        {
            foreach (var pod in pods) await pod.DisposeAsync();
        }
    }
}
