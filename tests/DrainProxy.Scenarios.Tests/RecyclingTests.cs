using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>An app that keeps a megabyte of each request, with a real limit and a real OOM killer, and somebody who starts it again as the kubelet does.</summary>
[Collection(Alone.Name)]
[Trait("needs", "tools")]
public sealed class RecyclingTests(ITestOutputHelper output)
{
    private const long MiB = 1 << 20;
    internal const string Leak = "/keep?mb=1&n=";

    [Fact]
    public async Task In_a_shared_process_namespace_a_leaking_app_is_recycled_before_it_is_killed_and_no_request_is_lost()
    {
        using var cgroup = MemoryCgroup.Create(200 * MiB);
        await using (var bare = new Namespace(cgroup, proxied: false))
        {
            await Net.Answers(bare.AppPort);
            await using var leak = new Load(bare.AppPort, perSecond: 60, Leak);
            await Net.Eventually(() => Task.FromResult(cgroup.Kills > 0), "the bare app is killed: else this proves nothing", 60);
        }

        var before = cgroup.Kills;
        await using var pod = new Namespace(cgroup, proxied: true);
        await Net.Answers(pod.Admin, "/readyz");
        await using var load = new Load(pod.Port, perSecond: 40, Leak);
        await Net.Eventually(async () => await pod.Recycles() >= 3, "three recycles", 60);
        await load.Stop();

        output.WriteLine($"{load.Sent} sent, {load.Failures.Count} failed, {await pod.Recycles()} recycles");
        Assert.Equal(before, cgroup.Kills);
        Assert.True(load.Failures.Count == 0, $"{string.Join('\n', load.Failures.Take(10))}\n{pod.Child.Output}");
        // One line each, with whom it was about: in the namespace, where the pod's init is process 1 and DrainProxy is not far from it.
        var told = pod.Child.Lines.Where(l => l.Contains("\"event\":\"app_recycled\"", StringComparison.Ordinal)).ToList();
        Assert.True(told.Count >= 3, pod.Child.Output);
        Assert.Equal(told.Count, told.Select(l => System.Text.Json.JsonDocument.Parse(l).RootElement.GetProperty("id").GetInt32()).Distinct().Count());
        // The init sees its child end by the signal: 128 + 15.
        Assert.True(pod.Child.Lines.Count(l => l == "app ended 143") >= 3, pod.Child.Output);
        var state = (await pod.State()).GetProperty("recycle");
        Assert.Equal("reachable", state.GetProperty("app").GetString());
        Assert.Equal("done", state.GetProperty("last").GetProperty("result").GetString());
    }

    /// <summary>
    /// What a pod with `shareProcessNamespace: true` is made of: an init as process 1 that starts the app whenever it has ended, and DrainProxy beside the app.
    /// All of it ends with the init.
    /// </summary>
    private sealed class Namespace : IAsyncDisposable
    {
        /// <summary>Arguments: the cgroup of the app, its port, its script, node; then the command line of DrainProxy, or nothing.</summary>
        private const string Init = """
            cgroup=$0 PORT=$1 app=$2 node=$3
            export PORT
            shift 3
            if [ $# -gt 0 ]; then "$@" & fi
            while :; do
              /bin/sh -c 'echo $$ > "$0/cgroup.procs" && exec "$@"' "$cgroup" "$node" "$app"
              echo "app ended $?"
            done
            """;

        public Namespace(MemoryCgroup cgroup, bool proxied)
        {
            string[] proxy = proxied
                ? [DrainProxyProcess.Program, "run", "--listen", $"127.0.0.1:{Port}", "--admin", $"127.0.0.1:{Admin}", "--app", $"http://127.0.0.1:{AppPort}", "--recycle-at", "75%"]
                : [];
            Child = Child.Start(
                Tool.Find("unshare", "util-linux"),
                ["--pid", "--fork", "--mount-proc", "--kill-child", "/bin/sh", "-c", Init, cgroup.Folder, $"{AppPort}",
                    Path.Combine(AppContext.BaseDirectory, "Apps", "hungry.js"), Tool.Find("node", "nodejs"), .. proxy]);
        }

        public Child Child { get; }

        public int AppPort { get; } = Net.FreePort();

        public int Port { get; } = Net.FreePort();

        public int Admin { get; } = Net.FreePort();

        public async Task<double> Recycles()
        {
            using var http = new HttpClient();
            var text = await http.GetStringAsync($"http://127.0.0.1:{Admin}/metrics");
            return text.Split('\n').Where(l => l.StartsWith("drainproxy_app_recycles_total{", StringComparison.Ordinal) && l.Contains("result=\"done\"", StringComparison.Ordinal))
                .Sum(l => double.Parse(l[(l.IndexOf('}') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        }

        public async Task<System.Text.Json.JsonElement> State()
        {
            using var http = new HttpClient();
            return System.Text.Json.JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{Admin}/state")).RootElement;
        }

        public ValueTask DisposeAsync() => Child.DisposeAsync();
    }
}
