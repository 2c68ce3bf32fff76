using System.Net;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>`dev -- COMMAND`: the app is replaced, crashes, never listens, listens elsewhere.</summary>
[Trait("needs", "tools")]
public sealed class SupervisionTests
{
    /// <summary>By hand `ROLLING_SECONDS=60` for the full length.</summary>
    private static readonly double RollingSeconds =
        double.TryParse(Environment.GetEnvironmentVariable("ROLLING_SECONDS"), System.Globalization.CultureInfo.InvariantCulture, out var given) ? given : 12;

    [Fact]
    public async Task Replacing_the_app_every_two_seconds_under_load_fails_no_request()
    {
        using var app = new DevApp();
        await using var proxy = DrainProxyProcess.StartDev(["--watch", app.Glob], app.Command);
        await proxy.Ready();
        await using var load = new Gets(proxy.Port);
        var changes = (int)(RollingSeconds / 2);
        for (var version = 2; version <= changes + 1; version++)
        {
            app.Change(version);
            await Net.Pause(2);
        }

        var failures = await load.Stop();
        TestContext.Current.SendDiagnosticMessage($"{load.Sent} sent, {failures.Count} failed, versions {string.Join(' ', load.Versions)}");
        Assert.True(failures.Count == 0, $"{failures.Count} of {load.Sent} failed:\n{string.Join('\n', failures.Take(10))}\n{proxy.Child.Output}");
        Assert.True(load.Sent > changes * 50, $"only {load.Sent} sent");
        Assert.Equal(Enumerable.Range(1, changes + 1).Select(v => $"{v}").ToHashSet(), load.Versions.ToHashSet());
        Assert.Equal(changes, await proxy.Metric("drainproxy_app_restarts_total"));
        // Each old side was told once, and is gone.
        await Net.Eventually(() => Task.FromResult(proxy.Child.Lines.Count(l => l == "sigterm 1") == changes), "every old side is stopped");
        Assert.DoesNotContain("sigterm 2", proxy.Child.Lines);
    }

    [Fact]
    public async Task An_app_that_listens_elsewhere_is_found_and_replaced_one_at_a_time()
    {
        using var app = new DevApp($"{Net.FreePort()}");
        await using var proxy = DrainProxyProcess.StartDev(["--watch", app.Glob], app.Command);
        await proxy.Ready();
        // The log is written by a thread of its own.
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("app_elsewhere", StringComparison.Ordinal)), "it is told");
        await ReplacedOneAtATime(app, proxy);
    }

    [Fact]
    public async Task An_app_with_an_address_of_its_own_is_replaced_one_at_a_time()
    {
        var port = Net.FreePort();
        using var app = new DevApp($"{port}");
        await using var proxy = DrainProxyProcess.StartDev(["--watch", app.Glob, "--app", $"http://127.0.0.1:{port}"], app.Command);
        await proxy.Ready();
        await ReplacedOneAtATime(app, proxy);
    }

    [Fact]
    public async Task A_new_side_that_ends_leaves_the_old_one_serving()
    {
        using var app = new DevApp();
        await using var proxy = DrainProxyProcess.StartDev(["--watch", app.Glob], app.Command);
        await proxy.Ready();
        app.Change(2, "process.exit(7);");
        await Net.Eventually(() => Task.FromResult(proxy.Child.Output.Contains("\"event\":\"app_new_side_ended\"", StringComparison.Ordinal)), "the new side ended");
        Assert.StartsWith("1 ", await Get(proxy), StringComparison.Ordinal);
        app.Change(3);
        await Net.Eventually(async () => (await Get(proxy)).StartsWith("3 ", StringComparison.Ordinal), "the mended one serves");
    }

    [Fact]
    public async Task A_crash_under_load_is_a_pause_for_all_but_what_the_app_had_in_its_hands()
    {
        using var app = new DevApp();
        await using var proxy = DrainProxyProcess.StartDev([], app.Command);
        await proxy.Ready();
        var crashed = int.Parse((await Get(proxy)).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture);
        const int Clients = 4;
        await using var load = new Gets(proxy.Port, Clients);
        await Net.Eventually(() => Task.FromResult(load.Sent > 100), "the load runs");
        Processes.Kill(crashed);
        await Net.Eventually(() => Task.FromResult(proxy.Child.Lines.Count(l => l == "version 1 listens") == 2), "the app is started again");
        var sent = load.Sent;
        await Net.Eventually(() => Task.FromResult(load.Sent > sent + 100), "the load goes on");
        var failures = await load.Stop();
        Assert.True(failures.Count == 0, $"{failures.Count} of {load.Sent} failed:\n{string.Join('\n', failures.Take(10))}\n{proxy.Child.Output}");
        Assert.Contains(proxy.Child.Lines, l => l.Contains("\"event\":\"app_ended\"", StringComparison.Ordinal) && l.Contains("\"code\":137", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("setInterval(() => {}, 1000)")]
    [InlineData("process.exit(3)")]
    public async Task An_app_that_does_not_serve_is_a_clear_503_after_the_hold(string script)
    {
        await using var proxy = DrainProxyProcess.StartDev(["--hold-timeout", "1s"], [Tool.Find("node", "nodejs"), "-e", script]);
        await proxy.Listens();
        using var http = new HttpClient();
        using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Port}/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        if (!script.Contains('3', StringComparison.Ordinal)) return;
        await Net.Eventually(
            () => Task.FromResult(proxy.Child.Output.Contains("App ended with exit code 3", StringComparison.Ordinal) && proxy.Child.Output.Contains("3 in a row", StringComparison.Ordinal)),
            "the back-off is told");
    }

    private static async Task ReplacedOneAtATime(DevApp app, DrainProxyProcess proxy)
    {
        await using var load = new Gets(proxy.Port);
        await Net.Eventually(() => Task.FromResult(load.Sent > 20), "the load runs");
        app.Change(2);
        await Net.Eventually(() => Task.FromResult(load.Versions.Contains("2")), "the new version answers");
        var failures = await load.Stop();
        Assert.True(failures.Count == 0, $"{failures.Count} of {load.Sent} failed:\n{string.Join('\n', failures.Take(10))}\n{proxy.Child.Output}");
        var lines = proxy.Child.Lines.ToList();
        Assert.InRange(lines.IndexOf("sigterm 1"), 0, lines.IndexOf("version 2 listens"));
    }

    private static async Task<string> Get(DrainProxyProcess proxy)
    {
        using var http = new HttpClient();
        return await http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/");
    }
}
