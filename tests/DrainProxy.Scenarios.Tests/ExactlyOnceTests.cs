using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>A rolling restart seen from the app: each POST of the clients was executed once, by one of the pods.</summary>
[Trait("needs", "tools")]
public sealed class ExactlyOnceTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Each_order_is_executed_once_over_two_restarts() =>
        await Task.WhenAll(Restart(new Nginx(), "nginx", 3), Restart(new HaProxy(), "haproxy", 8));

    private static async Task Restart(ILoadBalancer create, string preset, double removalAfter)
    {
        await using var balancer = create;
        string[] settings = ["--lb", preset, "--grace", "30s"];
        var executed = new List<string>();
        var pods = new List<Pod> { await Start(), await Start() };
        try
        {
            await balancer.Use([.. pods.Select(p => p.Port)]);
            await using var orders = new Orders(balancer.Port, 100, 20);
            orders.Start();
            for (var restart = 0; restart < 2; restart++)
            {
                var old = pods[0];
                pods.Add(await Start());
                await balancer.Use([.. pods.Select(p => p.Port)]);
                var terminated = old.Terminate(Grace);
                await Net.Pause(removalAfter);
                await balancer.Use([.. pods.Skip(1).Select(p => p.Port)]);
                await terminated;
                pods.RemoveAt(0);
                executed.AddRange(old.AppLines);
                await old.DisposeAsync();
            }

            await orders.Stop();
            Assert.Empty(orders.Failures);
            await Net.Eventually(
                () => Task.FromResult(executed.Count + pods.Sum(p => p.AppLines.Count) >= orders.Posted.Count), "the apps have noted all orders");
            foreach (var pod in pods) executed.AddRange(pod.AppLines);
            Assert.True(orders.Posted.Count > 1000, $"{orders.Posted.Count} orders");
            Assert.Equal(orders.Posted.Select(id => $"executed {id}").Order(StringComparer.Ordinal), executed.Order(StringComparer.Ordinal));
        }
        finally
        {
            foreach (var pod in pods) await pod.DisposeAsync();
        }

        Task<Pod> Start() => Pod.Start(() => App.Node(script: "orders.js"), behind: true, settings);
    }
}
