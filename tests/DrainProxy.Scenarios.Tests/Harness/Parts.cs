using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Text;
using System.Text.Json;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>The built program as a process.</summary>
internal sealed class DrainProxyProcess : IAsyncDisposable
{
    private readonly bool supervises;

    private DrainProxyProcess(Child child, int port, int admin, bool supervises = false) =>
        (Child, Port, Admin, this.supervises) = (child, port, admin, supervises);

    public Child Child { get; }

    public int Port { get; }

    public int Admin { get; }

    public static string Program { get; } = Locate();

    public static DrainProxyProcess Start(string app, params string[] more) => StartCommand("run", app, more);

    public static DrainProxyProcess StartCommand(string command, string app, params string[] more)
    {
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        string[] arguments = [command, "--listen", $"127.0.0.1:{port}", "--app", app, "--admin", $"127.0.0.1:{admin}", .. more];
        return new(Child.Start(Program, arguments), port, admin);
    }

    /// <summary>On given ports, as a container that is started anew; under another program (its arguments before ours), or in an environment.</summary>
    public static DrainProxyProcess StartAs(
        string app, (int Port, int Admin)? ports = null, IReadOnlyList<string>? under = null, IReadOnlyDictionary<string, string>? environment = null, params string[] more)
    {
        var (port, admin) = ports ?? (Net.FreePort(), Net.FreePort());
        string[] line = [.. under ?? [], Program, "run", "--listen", $"127.0.0.1:{port}", "--app", app, "--admin", $"127.0.0.1:{admin}", .. more];
        return new(Child.Start(line[0], line[1..], environment), port, admin);
    }

    /// <summary>`dev` that starts its app itself, with a short drain; under another program when one is named.</summary>
    public static DrainProxyProcess StartDev(IReadOnlyList<string> options, IReadOnlyList<string> command, IReadOnlyList<string>? under = null)
    {
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        string[] line =
        [
            .. under ?? [], Program, "dev", "--listen", $"127.0.0.1:{port}", "--admin", $"127.0.0.1:{admin}", "--lb", "none", "--quiet", "200ms",
            .. options, "--", .. command,
        ];
        return new(Child.Start(line[0], line[1..]), port, admin, supervises: true);
    }

    public Task Ready() => Net.Answers(Admin, "/readyz");

    /// <summary>The data ports are bound, whether the app is there or not: the admin listener answers before that.</summary>
    public Task Listens() => Net.Eventually(() => Task.FromResult(Child.Output.Contains("\"event\":\"listening\"", StringComparison.Ordinal)), "it listens", 30);

    /// <summary>The termination report among the lines of standard output.</summary>
    public JsonElement Report()
    {
        var line = Child.Lines.Single(l => l.StartsWith("{\"event\":\"termination_report\"", StringComparison.Ordinal));
        return JsonDocument.Parse(line).RootElement;
    }

    public async Task<JsonElement> State()
    {
        using var http = new HttpClient();
        return JsonDocument.Parse(await http.GetStringAsync($"http://127.0.0.1:{Admin}/state")).RootElement;
    }

    public async Task<double> Metric(string line)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync($"http://127.0.0.1:{Admin}/metrics");
        var found = text.Split('\n').FirstOrDefault(l => l.StartsWith(line + " ", StringComparison.Ordinal));
        Assert.True(found is not null, $"no metric {line} in\n{text}");
        return double.Parse(found![(line.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    public async ValueTask DisposeAsync()
    {
        // Killed, it could not end the app that it has started, which would outlive the test.
        if (supervises)
        {
            Child.Signal(Child.Sigterm);
            for (var i = 0; i < 100 && !Child.HasExited; i++) await Net.Pause(0.1);
        }

        await Child.DisposeAsync();
    }

    private static string Locate()
    {
        if (Environment.GetEnvironmentVariable("DRAINPROXY_EXE") is { Length: > 0 } given) return given;
        var folder = typeof(DrainProxyProcess).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "ProgramFolder").Value!;
        return Directory.GetFiles(folder, "drainproxy", SearchOption.AllDirectories).Single();
    }
}

/// <summary>A real app server.</summary>
internal sealed class App : IAsyncDisposable
{
    private readonly TemporaryFolder? folder;

    private App(Child child, int port, TemporaryFolder? folder = null) => (Child, Port, this.folder) = (child, port, folder);

    public Child Child { get; }

    public int Port { get; }

    public string Address => $"http://127.0.0.1:{Port}";

    public static async Task<App> Node(int keepAliveMs = 5000, int? port = null, string script = "app.js")
    {
        var at = port ?? Net.FreePort();
        var app = new App(Child.Start(Tool.Find("node", "nodejs"), [Path.Combine(AppContext.BaseDirectory, "Apps", script)], new Dictionary<string, string>
        {
            ["PORT"] = at.ToString(),
            ["KEEP_ALIVE_MS"] = keepAliveMs.ToString(),
        }), at);
        await Net.Answers(at);
        return app;
    }

    /// <summary>Any command line whose program listens on PORT.</summary>
    public static async Task<App> Start(IReadOnlyList<string> line, int port, TemporaryFolder? folder = null)
    {
        var app = new App(Child.Start(line[0], line.Skip(1), new Dictionary<string, string> { ["PORT"] = $"{port}" }), port, folder);
        await Net.Answers(port, seconds: 60);
        return app;
    }

    public static async Task<App> Puma()
    {
        var at = Net.FreePort();
        var folder = new TemporaryFolder();
        var rack = folder.Write("config.ru", "run ->(env) { body = env['rack.input'].read; [200, {'Content-Type' => 'text/plain'}, [\"ok #{body.bytesize}\"]] }\n");
        var config = folder.Write("puma.rb", $"bind 'tcp://127.0.0.1:{at}'\nthreads 8, 8\nrackup '{rack}'\nlog_requests false\n");
        var app = new App(Child.Start(Tool.Find("puma", "puma"), ["-C", config]), at, folder);
        await Net.Answers(at);
        return app;
    }

    public static async Task<App> Gunicorn()
    {
        var at = Net.FreePort();
        var folder = new TemporaryFolder();
        folder.Write("app.py", "def app(env, start):\n    body = env['wsgi.input'].read()\n    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '2')])\n    return [b'ok']\n");
        var app = new App(
            Child.Start(Tool.Find("gunicorn", "gunicorn"),
                ["--chdir", folder.Path, "-b", $"127.0.0.1:{at}", "--threads", "8", "--keep-alive", "2", "app:app"]), at, folder);
        await Net.Answers(at);
        return app;
    }

    public async ValueTask DisposeAsync()
    {
        await Child.DisposeAsync();
        folder?.Dispose();
    }
}

/// <summary>A real load balancer whose targets change while it runs.</summary>
internal interface ILoadBalancer : IAsyncDisposable
{
    int Port { get; }

    Task Use(IReadOnlyList<int> targets);
}

/// <summary>nginx with upstream keep-alive and no retries; targets change by reload.</summary>
internal sealed class Nginx : ILoadBalancer
{
    private readonly TemporaryFolder folder = new();
    private Child? child;

    public int Port { get; } = Net.FreePort();

    public async Task Use(IReadOnlyList<int> targets)
    {
        var servers = string.Join(' ', targets.Select(t => $"server 127.0.0.1:{t} max_fails=0;"));
        var config = folder.Write("nginx.conf", $$"""
            worker_processes 1; pid {{folder.Path}}/nginx.pid; error_log {{folder.Path}}/error.log; events { worker_connections 4096; }
            http {
              access_log off; client_body_temp_path {{folder.Path}}/b; proxy_temp_path {{folder.Path}}/p; fastcgi_temp_path {{folder.Path}}/f;
              uwsgi_temp_path {{folder.Path}}/u; scgi_temp_path {{folder.Path}}/s;
              upstream pods { {{servers}} keepalive 64; }
              server {
                listen 127.0.0.1:{{Port}};
                location / { proxy_pass http://pods; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_next_upstream off; }
              }
            }
            """);
        if (child is not null)
        {
            child.Signal(Child.Sighup);
            return;
        }

        child = Child.Start(Tool.Find("nginx", "nginx-light"), ["-c", config, "-p", folder.Path, "-g", "daemon off;"]);
        await Net.Answers(Port);
    }

    public async ValueTask DisposeAsync()
    {
        if (child is not null)
        {
            child.Signal(Child.Sigterm);
            await child.Exit(TimeSpan.FromSeconds(10));
            await child.DisposeAsync();
        }

        folder.Dispose();
    }
}

/// <summary>HAProxy that reuses connections always and retries never; targets change by its runtime interface.</summary>
internal sealed class HaProxy : ILoadBalancer
{
    private const int Slots = 8;
    private readonly TemporaryFolder folder = new();
    private readonly int[] slots = new int[Slots];
    private Child? child;

    public int Port { get; } = Net.FreePort();

    private string SocketPath => Path.Combine(folder.Path, "admin.sock");

    public async Task Use(IReadOnlyList<int> targets)
    {
        if (child is null) await Start();
        for (var i = 0; i < Slots; i++)
        {
            if (slots[i] == 0 || targets.Contains(slots[i])) continue;
            slots[i] = 0;
            await Say($"set server pods/s{i} state maint");
        }

        foreach (var target in targets.Where(t => !slots.Contains(t)))
        {
            var free = Array.IndexOf(slots, 0);
            slots[free] = target;
            await Say($"set server pods/s{free} addr 127.0.0.1 port {target}");
            await Say($"set server pods/s{free} state ready");
        }

        await Net.Answers(Port);
    }

    public async ValueTask DisposeAsync()
    {
        if (child is not null) await child.DisposeAsync();
        folder.Dispose();
    }

    private async Task Start()
    {
        var servers = string.Join('\n', Enumerable.Range(0, Slots).Select(i => $"  server s{i} 127.0.0.1:1 disabled"));
        var config = folder.Write("haproxy.cfg", $"""
            global
              nbthread 1
              stats socket {SocketPath} mode 600 level admin
            defaults
              mode http
              retries 0
              http-reuse always
              timeout connect 5s
              timeout client 75s
              timeout server 75s
            frontend f
              bind 127.0.0.1:{Port}
              default_backend pods
            backend pods
            {servers}

            """);
        child = Child.Start(Tool.Find("haproxy", "haproxy"), ["-db", "-f", config]);
        await Net.Answers(Port, status: 503);
    }

    private async Task Say(string command)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        await socket.SendAsync(Encoding.ASCII.GetBytes(command + "\n"));
        var answer = new byte[1024];
        var n = await socket.ReceiveAsync(answer);
        var text = Encoding.ASCII.GetString(answer, 0, n).Trim();
        Assert.False(text.Contains("rror") || text.Contains("No such"), $"{command}: {text}");
    }
}
