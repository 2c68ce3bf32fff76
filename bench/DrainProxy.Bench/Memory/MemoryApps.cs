using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Memory;

/// <summary>An app with a light route `/` and exports that hold memory for a quarter of a second.</summary>
/// <param name="Name">What `--memory` takes.</param>
/// <param name="About">What it stands for.</param>
/// <param name="Tools">What must be installed.</param>
/// <param name="Command">Its command line, from the folder for its files, its port and the size of an export in MiB.</param>
internal sealed record MemoryApp(string Name, string About, IReadOnlyList<Tool> Tools, Func<AppPlace, int, string[]> Command)
{
    /// <summary>The paths that heavy clients ask for in turn.</summary>
    public IReadOnlyList<string> Heavy { get; init; } = ["/export"];
}

/// <summary>A place for an app's files, with its port.</summary>
internal sealed record AppPlace(string Folder, int Port)
{
    public string Write(string name, string text)
    {
        var path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}

internal static class MemoryApps
{
    private static readonly Tool Puma = new("puma", "puma");
    private static readonly Tool Node = new("node", "nodejs");
    private static readonly Tool Python = new("python3", "python3");
    private static readonly Tool Java = new("java", "default-jre-headless");

    public static IReadOnlyList<MemoryApp> All { get; } =
    [
        new("puma", "2 workers of 24 threads, MALLOC_ARENA_MAX=2: garbage until a collection", [Puma], (place, mi) => ["/usr/bin/env", "MALLOC_ARENA_MAX=2", .. PumaCommand(place, mi)]),
        new("puma-arenas", "the same with glibc's default arenas: garbage piles up per thread", [Puma], PumaCommand),
        new("puma-two", "two heavy routes: the export, and one that holds twice as much", [Puma], (place, mi) => ["/usr/bin/env", "MALLOC_ARENA_MAX=2", .. PumaCommand(place, mi)]) { Heavy = ["/export", "/report"] },
        new("node", "one process; what is freed stays with it until a collection", [Node], NodeCommand),
        new("python", "16 threads; what is freed goes back at once", [Python], PythonCommand),
        new("java", "16 threads, a heap of up to 95 % of the limit", [Java], JavaCommand),
    ];

    private static string[] PumaCommand(AppPlace place, int mi)
    {
        var rack = place.Write("config.ru", $$"""
            run ->(env) {
              mb = { '/export' => {{mi}}, '/report' => {{mi * 2}} }[env['PATH_INFO']]
              if mb
                rows = Array.new(mb) { 'x' * 1_048_576 }
                sleep 0.25
                [200, {}, ["#{rows.sum(&:bytesize)}\n"]]
              else
                [200, {}, ["ok\n"]]
              end
            }

            """);
        var config = place.Write("puma.rb", $"bind 'tcp://127.0.0.1:{place.Port}'\nworkers 2\nthreads 24, 24\nrackup '{rack}'\nlog_requests false\n");
        return [Puma.Path!, "-C", config];
    }

    private static string[] NodeCommand(AppPlace place, int mi) =>
    [
        Node.Path!, place.Write("app.js", $$"""
            require('http').createServer(async (request, response) => {
              if (request.url !== '/export') return response.end('ok\n');
              const rows = [];
              for (let i = 0; i < {{mi}}; i++) {
                rows.push(Buffer.alloc(1 << 20, 1));
                if (i % 8 === 7) await new Promise(setImmediate);
              }
              await new Promise(done => setTimeout(done, 250));
              response.end(`${rows.length}\n`);
            }).listen({{place.Port}}, '127.0.0.1', 1024);

            """),
    ];

    private static string[] PythonCommand(AppPlace place, int mi) =>
    [
        Python.Path!, place.Write("app.py", $$"""
            import http.server, time
            class Handler(http.server.BaseHTTPRequestHandler):
                protocol_version = 'HTTP/1.1'
                def do_GET(self):
                    body = b'ok\n'
                    if self.path == '/export':
                        rows = [b'x' * 1048576 for _ in range({{mi}})]
                        time.sleep(0.25)
                        body = b'%d\n' % len(rows)
                        del rows
                    self.send_response(200)
                    self.send_header('Content-Length', str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                def log_message(self, *args):
                    pass
            class Server(http.server.ThreadingHTTPServer):
                request_queue_size = 1024
            Server(('127.0.0.1', {{place.Port}}), Handler).serve_forever()

            """),
    ];

    private static string[] JavaCommand(AppPlace place, int mi) =>
    [
        Java.Path!, "-XX:MaxRAMPercentage=95", place.Write("App.java", $$"""
            import com.sun.net.httpserver.*;
            import java.net.InetSocketAddress;
            import java.util.concurrent.Executors;
            public class App {
              public static void main(String[] args) throws Exception {
                var server = HttpServer.create(new InetSocketAddress("127.0.0.1", {{place.Port}}), 1024);
                server.setExecutor(Executors.newFixedThreadPool(16));
                server.createContext("/", exchange -> {
                  try {
                    var body = "ok\n".getBytes();
                    if (exchange.getRequestURI().getPath().equals("/export")) {
                      var rows = new byte[{{mi}}][];
                      for (int i = 0; i < rows.length; i++) { rows[i] = new byte[1 << 20]; java.util.Arrays.fill(rows[i], (byte) 1); }
                      Thread.sleep(250);
                      body = (rows.length + "\n").getBytes();
                    }
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                  } catch (InterruptedException e) {
                  } finally { exchange.close(); }
                });
                server.start();
              }
            }

            """),
    ];
}
