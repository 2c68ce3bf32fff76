using System.Globalization;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>`dev -- COMMAND`: how the app and all that it started end.</summary>
[Trait("needs", "tools")]
public sealed class SupervisedSignalTests
{
    private const int Sigint = 2;

    [Fact]
    public async Task One_signal_drains_first_and_tells_the_app_once()
    {
        using var app = new DevApp();
        await using var proxy = DrainProxyProcess.StartDev([], app.Command);
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/?ms=1000");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt64() == 1, "the request is under way");
        proxy.Child.Signal(Sigint);
        Assert.StartsWith("1 ", await slow, StringComparison.Ordinal);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
        Assert.Equal("clean", proxy.Report().GetProperty("result").GetString());
        Assert.Equal(["sigterm 1"], proxy.Child.Lines.Where(l => l.StartsWith("sigterm", StringComparison.Ordinal)));
        Assert.Contains("to standard error", proxy.Child.Lines);
    }

    [Fact]
    public async Task A_second_signal_cuts_the_app_too()
    {
        using var app = new DevApp();
        await using var proxy = DrainProxyProcess.StartDev([], app.Command);
        await proxy.Ready();
        using var http = new HttpClient();
        var pid = int.Parse((await http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/")).Split(' ')[1], CultureInfo.InvariantCulture);
        var slow = http.GetAsync($"http://127.0.0.1:{proxy.Port}/?ms=20000");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt64() == 1, "the request is under way");
        proxy.Child.Signal(Sigint);
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("-> Lingering", StringComparison.Ordinal)), "the drain has begun");
        proxy.Child.Signal(Sigint);
        Assert.Equal(1, await proxy.Child.Exit(TimeSpan.FromSeconds(5)));
        Assert.Equal("forced", proxy.Report().GetProperty("result").GetString());
        Assert.False(Processes.Lives(pid));
        // Told 503 or cut off, as the moment has it; never an answer of the app.
        var told = await Record.ExceptionAsync(async () => (await slow).EnsureSuccessStatusCode());
        Assert.IsType<HttpRequestException>(told);
    }

    [Fact]
    public async Task Nothing_that_the_app_started_outlives_it()
    {
        using var app = new DevApp();
        // One grandchild goes with SIGTERM, one has to be killed.
        var script = $"sleep 1000 & echo child $!; sh -c 'trap \"\" TERM; while :; do sleep 1; done' & echo child $!; exec {string.Join(' ', app.Command)}";
        await using var proxy = DrainProxyProcess.StartDev(["--app-stop", "1s"], ["sh", "-c", script]);
        await proxy.Ready();
        var started = proxy.Child.Lines.Where(l => l.StartsWith("child ", StringComparison.Ordinal)).Select(l => int.Parse(l[6..], CultureInfo.InvariantCulture)).ToList();
        Assert.Equal(2, started.Count);
        Assert.All(started, id => Assert.True(Processes.Lives(id)));
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
        Assert.All(started, id => Assert.False(Processes.Lives(id)));
    }

    [Fact]
    public async Task As_PID_1_it_takes_in_what_others_left_behind()
    {
        var unshare = Tool.Find("unshare", "util-linux");
        using var app = new DevApp();
        var script = $"(sh -c 'sleep 0.2; echo orphan ends' &); exec {string.Join(' ', app.Command)}";
        string[] under = Environment.UserName == "root" ? [unshare, "--pid", "--fork", "--mount-proc"] : [unshare, "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
        await using var proxy = DrainProxyProcess.StartDev([], ["sh", "-c", script], under);
        try
        {
            await proxy.Ready();
        }
        catch (Exception) when (proxy.Child.Output.Contains("Operation not permitted", StringComparison.Ordinal))
        {
            Assert.Skip("namespaces are not permitted here");
        }

        var first = Assert.Single(Processes.ChildrenOf(proxy.Child.Id));
        await Net.Eventually(() => Task.FromResult(proxy.Child.Lines.Contains("orphan ends")), "the orphan ends");
        await Net.Eventually(() => Task.FromResult(Processes.Zombies(first).Count == 0 && Processes.ChildrenOf(first).Count == 1), "only the app is left, no zombie");
        Processes.Terminate(first);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
        Assert.Contains("sigterm 1", proxy.Child.Lines);
    }
}
