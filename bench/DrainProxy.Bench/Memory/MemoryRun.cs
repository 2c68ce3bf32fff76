using System.Globalization;
using System.Text.Json;
using DrainProxy.Bench.Load;
using DrainProxy.Bench.Peers;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Memory;

/// <summary>
/// An app in a memory cgroup of its own, loaded with more exports than it has memory for: bare, behind HAProxy with a few fixed limits, and behind DrainProxy, of which nothing is configured.
/// Each arm gets a new app and a new cgroup; both are gone when it ends.
/// </summary>
internal static class MemoryRun
{
    private const int Mi = 20;
    private static readonly TimeSpan TraceStep = TimeSpan.FromMilliseconds(10);
    private static readonly Tool HaProxy = new("haproxy", "haproxy");

    public static async Task<int> Run(Options options, string repository, string folder, CancellationToken cancellation)
    {
        var memory = options.Memory!;
        var app = MemoryApps.All.FirstOrDefault(a => a.Name == memory.App) ?? throw new UsageException($"unknown app {memory.App}: {string.Join(", ", MemoryApps.All.Select(a => a.Name))}");
        if ((MemoryCgroup.Missing ?? app.Tools.Select(t => t.Missing).FirstOrDefault(m => m is not null)) is { } missing)
        {
            Console.Error.WriteLine($"nothing to measure: {missing}");
            return 1;
        }

        var published = options.DrainProxy ?? Path.Combine(folder, "drainproxy");
        if (options.DrainProxy is null && memory.Arms.Contains("drainproxy") && await Publishing.Publish(new(repository, folder), "src/DrainProxy", published) is { } problem) throw new PeerException(problem);
        List<MemoryRow> rows = [];
        for (var round = 1; round <= options.Runs; round++)
        {
            foreach (var arm in Arms(memory, published))
            {
                Console.Error.WriteLine($"round {round} of {options.Runs}: {arm.Name}");
                rows.Add(await new MemoryArm(arm, app, options, Directory.CreateDirectory(Path.Combine(folder, $"{arm.Name.Replace(' ', '-')}-{round}")).FullName).Run(cancellation));
            }
        }

        Console.WriteLine($"{app.Name} ({app.About}), {memory.LimitMi} MiB{(memory.LaterLimitMi > 0 ? $", {memory.LaterLimitMi} MiB from the middle on" : "")}, exports of {memory.ExportMi} MiB, "
            + $"{memory.Clients} clients, {memory.LightRate} light requests/s, {options.Seconds} s");
        MemoryRow.Print(Console.Out, rows);
        return 0;
    }

    private static IEnumerable<Arm> Arms(MemoryOptions options, string published)
    {
        foreach (var name in options.Arms)
        {
            if (name == "bare") yield return new("bare", null);
            else if (name == "haproxy" && HaProxy.Missing is { } missing) Console.Error.WriteLine($"haproxy left out: {missing}");
            else if (name == "haproxy") foreach (var most in options.MaxConn) yield return new($"haproxy maxconn {most}", (place, appPort, adminPort) => HaProxyWith(place, appPort, most));
            else if (name == "drainproxy") yield return new("drainproxy", (place, appPort, adminPort) => DrainProxy(published, place, appPort, adminPort)) { Tells = true };
            else throw new UsageException($"unknown arm {name}: bare, haproxy, drainproxy");
        }
    }

    private static Launch DrainProxy(string published, AppPlace place, int appPort, int adminPort) => new(
        Path.Combine(published, "drainproxy"), "run", "--listen", $"127.0.0.1:{place.Port}", "--app", $"http://127.0.0.1:{appPort}", "--admin", $"127.0.0.1:{adminPort}")
    {
        StopAtOnce = true,
    };

    private static Launch HaProxyWith(AppPlace place, int appPort, int most) => new(HaProxy.Path!, "-db", "-f", place.Write("haproxy.cfg", $"""
        global
          nbthread 1
          maxconn 9000
        defaults
          mode http
          timeout connect 5s
          timeout client 300s
          timeout server 300s
          timeout queue 60s
        frontend data
          bind 127.0.0.1:{place.Port} backlog 4096
          default_backend app
        backend app
          server app 127.0.0.1:{appPort} maxconn {most}

        """));

    /// <summary>Who stands in front of the app.</summary>
    /// <param name="Name">Its name in the table.</param>
    /// <param name="Configure">Its command, from a place with its own port, the app's port and an admin port; null for nobody.</param>
    internal sealed record Arm(string Name, Func<AppPlace, int, int, Launch>? Configure)
    {
        /// <summary>Its admin port answers `/state`.</summary>
        public bool Tells { get; init; }
    }

    /// <summary>One arm from the start of its app to the end of its load.</summary>
    private sealed class MemoryArm(Arm arm, MemoryApp app, Options options, string folder)
    {
        private readonly MemoryOptions memory = options.Memory!;
        private readonly List<double> kills = [];
        private long highest;

        public async Task<MemoryRow> Run(CancellationToken cancellation)
        {
            var ports = FreePorts.Take(3);
            using var cgroup = new MemoryCgroup($"drainproxy-bench-{Environment.ProcessId}-{ports[0]}", (long)memory.LimitMi << Mi);
            using var child = Child.Start(new Launch("/bin/sh", cgroup.Around(app.Command(new(folder, ports[0]), memory.ExportMi))));
            await Readiness.Wait(child, (ports[0], "/"), cancellation);
            if (memory.Warm > 0) await Warm(ports[0], cancellation);
            using var proxy = arm.Configure is { } configure ? Child.Start(configure(new(folder, ports[1]), ports[0], ports[2])) : null;
            var port = proxy is null ? ports[0] : ports[1];
            if (proxy is not null) await Readiness.Wait(proxy, (port, "/"), cancellation);
            using var load = new MemoryLoad(port, memory, app.Heavy);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            var running = load.Run(options.Seconds, cancellation);
            var watching = Task.Run(() => Watch(cgroup, load, end.Token), CancellationToken.None);
            await running;
            await end.CancelAsync();
            await watching;
            var told = arm.Tells ? await Tell(ports[2], cancellation) : "";
            return new(arm.Name, options.Seconds, [.. load.Heavy], [.. load.Light], kills, highest >> Mi, told);
        }

        private async Task Warm(int port, CancellationToken cancellation)
        {
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
            for (var i = 0; i < memory.Warm; i += 4)
            {
                var answers = await Task.WhenAll(Enumerable.Range(0, Math.Min(4, memory.Warm - i)).Select(_ => http.GetAsync(new Uri(app.Heavy[0], UriKind.Relative), cancellation)));
                foreach (var answer in answers) answer.Dispose();
            }
        }

        private async Task Watch(MemoryCgroup cgroup, MemoryLoad load, CancellationToken end)
        {
            using var trace = memory.Trace is { } file ? new StreamWriter($"{file}-{arm.Name.Replace(' ', '-')}.csv") : null;
            var (before, changed) = (cgroup.Kills, false);
            while (!end.IsCancellationRequested)
            {
                var (used, killed, at) = (cgroup.Used, cgroup.Kills, load.Elapsed);
                for (; before < killed; before++) kills.Add(at);
                highest = Math.Max(highest, used);
                trace?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{at:0.000},{used >> Mi},{killed}"));
                if (memory.LaterLimitMi > 0 && !changed && at > options.Seconds / 2) changed = TryLimit(cgroup, memory.LaterLimitMi);
                await Task.Delay(TraceStep, TimeProvider.System, CancellationToken.None);
            }
        }

        /// <summary>Version 1 refuses a limit below what is in use; the next try comes with the next reading.</summary>
        private static bool TryLimit(MemoryCgroup cgroup, int mi)
        {
            try
            {
                cgroup.Limit((long)mi << Mi);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }

        private static string Incident(JsonElement kill) =>
            $"{kill.GetProperty("kills")} killed, culprit {kill.GetProperty("culprit")}, {kill.GetProperty("in_flight")} in flight, advice {kill.GetProperty("advice")}";

        private static async Task<string> Tell(int adminPort, CancellationToken cancellation)
        {
            var (text, problem) = await Scrape.Read((adminPort, "/state"), cancellation);
            if (text is null) return $"/state does not answer: {problem}";
            using var state = JsonDocument.Parse(text);
            var learned = state.RootElement.TryGetProperty("admission", out var admission) ? admission.GetRawText() : "no admission in /state";
            // Each kill with its cause, as the black box has it; the curve is left to `--trace`.
            var incidents = state.RootElement.TryGetProperty("last_oom_kills", out var kills) ? kills.EnumerateArray().Select(Incident) : [];
            return string.Join("\n  black box: ", [learned, .. incidents]);
        }
    }
}
