using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The app's memory as its cgroup and the kernel see it, with a real limit and a real OOM killer.</summary>
[Trait("needs", "tools")]
public sealed class MemorySensesTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public async Task What_a_request_takes_is_seen_while_it_takes_it_and_the_limit_is_the_cgroups()
    {
        using var cgroup = MemoryCgroup.Create(600 * MiB);
        await using var app = await Hungry(cgroup);
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = Client(proxy);
        await Soon(async () => Text(await proxy.State(), "method") == "cgroup", "the cgroup is found");
        Assert.EndsWith(cgroup.Folder, Text(await proxy.State(), "source"));
        var rest = Number(await proxy.State(), "used_bytes");

        var held = http.GetStringAsync("/hold?mb=200&ms=1500");
        await Soon(async () => Number(await proxy.State(), "used_bytes") > rest + (190 * MiB), "the growth is seen");
        Assert.Equal($"held {200 * MiB}\n", await held);
        Assert.Equal(600 * MiB, Number(await proxy.State(), "limit_bytes"));
        Assert.True(await proxy.Metric("drainproxy_app_memory_peak_bytes") > rest + (190 * MiB));
        Assert.Equal(1, await proxy.Metric("drainproxy_memory_source{method=\"cgroup\"}"));

        cgroup.Limit(700 * MiB);
        await Soon(async () => await proxy.Metric("drainproxy_app_memory_limit_bytes") == 700 * MiB, "the new limit is seen");
    }

    [Fact]
    public async Task Page_cache_up_to_the_limit_is_no_use()
    {
        using var cgroup = MemoryCgroup.Create(300 * MiB);
        using var folder = new TemporaryFolder();
        await using var app = await Hungry(cgroup);
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = Client(proxy);
        await Soon(async () => Text(await proxy.State(), "method") == "cgroup", "the cgroup is found");
        var file = folder.Write("cached", "");
        await http.GetStringAsync($"/cache?mb=400&file={file}");

        await Soon(async () => Number(await proxy.State(), "reclaimable_bytes") > 150 * MiB, "the cache is seen");
        Assert.True(Number(await proxy.State(), "headroom_bytes") > 150 * MiB);
        Assert.Equal(0, cgroup.Kills);
    }

    [Fact]
    public async Task Kills_are_counted_as_the_kernel_counts_and_the_next_process_is_found_by_itself()
    {
        using var cgroup = MemoryCgroup.Create(250 * MiB);
        var port = Net.FreePort();
        await using var app = await Hungry(cgroup, port);
        await using var proxy = DrainProxyProcess.Start(app.Address, "--hold-timeout", "60s");
        await proxy.Ready();
        using var http = Client(proxy);
        await Soon(async () => Text(await proxy.State(), "method") == "cgroup", "the cgroup is found");
        Assert.Equal(0, await proxy.Metric("drainproxy_app_oom_kills_total"));

        using var killed = await http.PostAsync("/climb?mb=400&ms=2000", null);
        Assert.Equal(502, (int)killed.StatusCode);
        Assert.Equal(1, cgroup.Kills);
        await Soon(() => Task.FromResult(proxy.Child.Lines.Any(l => l.Contains("\"event\":\"app_oom_kill\"", StringComparison.Ordinal))), "the kill is told");
        var told = JsonDocument.Parse(proxy.Child.Lines.Single(l => l.Contains("\"event\":\"app_oom_kill\"", StringComparison.Ordinal))).RootElement;
        Assert.Equal(1, told.GetProperty("kills").GetInt32());
        Assert.Equal("counter", told.GetProperty("evidence").GetString());
        Assert.Equal(250 * MiB, told.GetProperty("limit_bytes").GetInt64());
        var curve = told.GetProperty("memory_curve").EnumerateArray().Select(p => p.GetProperty("used_bytes").GetInt64()).ToList();
        Assert.True(curve.Max() > 150 * MiB, $"the curve does not show the climb: {string.Join(' ', curve)}");
        Assert.Equal(JsonValueKind.Array, told.GetProperty("in_flight").ValueKind);
        Assert.NotEqual("", told.GetProperty("advice").GetString());
        await app.Child.Exit(TimeSpan.FromSeconds(30));
        await using var again = await Hungry(cgroup, port);
        Assert.Equal("ok\n", await http.GetStringAsync("/"));

        await Soon(async () => Text(await proxy.State(), "method") == "cgroup", "the next process is found");
        await Soon(async () => await proxy.Metric("drainproxy_app_oom_kills_total") == 1, "the kill is counted");
        var rest = Number(await proxy.State(), "used_bytes");
        await http.GetStringAsync("/keep?mb=50");
        await Soon(async () => Number(await proxy.State(), "used_bytes") > rest + (45 * MiB), "the next process is watched");
    }

    [Fact]
    public async Task A_request_that_got_the_app_killed_is_not_sent_to_the_next_one()
    {
        using var cgroup = MemoryCgroup.Create(250 * MiB);
        var port = Net.FreePort();
        await using var app = await Hungry(cgroup, port);
        await using var proxy = DrainProxyProcess.Start(app.Address, "--hold-timeout", "60s");
        await proxy.Ready();
        using var http = Client(proxy);
        await Soon(async () => Text(await proxy.State(), "method") == "cgroup", "the cgroup is found");

        // Safe by its method, so that any other failure would have it sent again.
        var culprit = http.GetAsync("/climb?mb=400&ms=2000");
        await Soon(() => Task.FromResult(proxy.Child.Lines.Any(l => l.Contains("\"event\":\"app_oom_kill\"", StringComparison.Ordinal))), "the kill is told");
        await app.Child.Exit(TimeSpan.FromSeconds(30));
        await using var again = await Hungry(cgroup, port);
        using var answer = await culprit;
        Assert.Equal(502, (int)answer.StatusCode);
        Assert.Equal("ok\n", await http.GetStringAsync("/"));
        Assert.Equal(1, cgroup.Kills);
    }

    [Fact]
    public async Task The_apps_own_metrics_tell_its_memory_where_nothing_else_is_asked_for()
    {
        var port = Net.FreePort();
        await using var app = await App.Start([Tool.Find("node", "nodejs"), Path.Combine(AppContext.BaseDirectory, "Apps", "hungry.js")], port);
        await using var proxy = DrainProxyProcess.Start(app.Address, "--memory-source", $"metrics:http://127.0.0.1:{port}/metrics", "--memory-limit", "2Gi");
        await proxy.Ready();
        using var http = Client(proxy);
        await Soon(async () => Text(await proxy.State(), "method") == "metrics", "the metrics are read");
        Assert.Equal($"http://127.0.0.1:{port}/metrics process_resident_memory_bytes", Text(await proxy.State(), "source"));
        var rest = Number(await proxy.State(), "used_bytes");
        await http.GetStringAsync("/keep?mb=80");
        await Soon(async () => await proxy.Metric("drainproxy_app_memory_bytes{kind=\"used\"}") > rest + (70 * MiB), "the growth is seen");
        Assert.Equal(1, await proxy.Metric("drainproxy_memory_source{method=\"metrics\"}"));
        Assert.Equal(2048 * MiB, await proxy.Metric("drainproxy_app_memory_limit_bytes"));
        app.Child.Signal(9);
        await Soon(async () => Text(await proxy.State(), "method") == "none", "nothing is known of an app that is gone");
    }

    private static async Task<App> Hungry(MemoryCgroup cgroup, int? port = null) => await App.Start(
        cgroup.Around(Tool.Find("node", "nodejs"), Path.Combine(AppContext.BaseDirectory, "Apps", "hungry.js")), port ?? Net.FreePort());

    /// <summary>Waits for an event; long, since a busy machine is no fault.</summary>
    private static Task Soon(Func<Task<bool>> happened, string what) => Net.Eventually(happened, what, 60);

    private static HttpClient Client(DrainProxyProcess proxy) =>
        new(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };

    private static string Text(JsonElement state, string name) => state.GetProperty("memory").GetProperty(name).GetString()!;

    private static double Number(JsonElement state, string name) =>
        state.GetProperty("memory").TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;
}
