using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Recycling where no kubelet starts the app again, and where nobody may stop it.</summary>
[Trait("needs", "tools")]
public sealed class RecyclingElsewhereTests
{
    [Fact]
    public async Task Where_the_supervisor_runs_the_app_a_new_one_takes_over()
    {
        string[] command = [Tool.Find("node", "nodejs"), Path.Combine(AppContext.BaseDirectory, "Apps", "hungry.js")];
        await using var proxy = DrainProxyProcess.StartDev(["--recycle-at", "60%", "--memory-limit", "200Mi"], command);
        await proxy.Ready();
        await using var load = new Load(proxy.Port, perSecond: 40, RecyclingTests.Leak);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_app_restarts_total") >= 2, "it is replaced twice", 60);
        await load.Stop();

        Assert.True(load.Failures.Count == 0, $"{string.Join('\n', load.Failures.Take(10))}\n{proxy.Child.Output}");
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("\"event\":\"app_recycled\"", StringComparison.Ordinal)), "it is told");
    }

    [Fact]
    public async Task Another_users_app_is_left_alone_and_that_is_said()
    {
        if (!Environment.IsPrivilegedProcess) Tool.Missing("running an app as another user needs root");
        var setpriv = Tool.Find("setpriv", "util-linux");
        await using var app = await App.Start(
            [setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups", Tool.Find("node", "nodejs"), "-e",
                "require('http').createServer((q, r) => r.end('ok')).listen(Number(process.env.PORT), '127.0.0.1')"], Net.FreePort());
        // Without capabilities root is a user like any other.
        await using var proxy = DrainProxyProcess.StartAs(app.Address, under: [setpriv, "--bounding-set", "-all"], more: ["--recycle-at", "75%"]);
        await proxy.Ready();

        await Net.Eventually(async () => (await proxy.State()).GetProperty("recycle").GetProperty("app").GetString() == "not_permitted", "it is in the state");
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("\"event\":\"recycle_not_permitted\"", StringComparison.Ordinal)), "it is told");
        Assert.False(app.Child.HasExited);
    }
}
