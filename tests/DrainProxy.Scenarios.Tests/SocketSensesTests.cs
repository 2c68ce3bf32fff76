using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>A real app that forgets to close its sockets.</summary>
[Trait("needs", "tools")]
public sealed class SocketSensesTests
{
    [Fact]
    public async Task An_app_that_keeps_what_its_peers_have_closed_is_named_within_a_minute_and_nobody_else_is()
    {
        await using var app = await App.Start([Tool.Find("node", "nodejs"), Path.Combine(AppContext.BaseDirectory, "Apps", "leaking_sockets.js")], Net.FreePort());
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();

        await Net.Eventually(async () => await proxy.Metric("drainproxy_socket_leak_suspected{owner=\"app\"}") == 1, "the app's leak is suspected", 60);
        Assert.Equal(0, await proxy.Metric("drainproxy_socket_leak_suspected{owner=\"drainproxy\"}"));
        Assert.True(await proxy.Metric("drainproxy_sockets{state=\"close_wait\",owner=\"app\",scope=\"pod\"}") >= 8);
        Assert.Contains(proxy.Child.Lines, l => l.Contains("\"event\":\"socket_leak\"", StringComparison.Ordinal) && l.Contains("\"owner\":\"app\"", StringComparison.Ordinal));
        // The descriptors that the leak eats are the app's.
        Assert.True(await proxy.Metric("drainproxy_file_descriptors{owner=\"app\"}") > 8);
        Assert.True(await proxy.Metric("drainproxy_file_descriptors_limit{owner=\"app\"}") > 8);
    }
}
