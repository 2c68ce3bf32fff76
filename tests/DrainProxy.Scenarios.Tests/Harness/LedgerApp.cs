namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>Apps that write each request into a file before they answer, so that what was executed outlives a kill; on real app servers.</summary>
internal static class LedgerApp
{
    public static async Task<Child> Start(string kind, int port, string ledger, TemporaryFolder folder, int milliseconds = 20)
    {
        var (tool, arguments) = kind switch
        {
            "node" => (Tool.Find("node", "nodejs"), new[] { Path.Combine(AppContext.BaseDirectory, "Apps", "ledger.js") }),
            "puma" => (Tool.Find("puma", "puma"), ["-C", Puma(folder, port)]),
            "gunicorn" => (Tool.Find("gunicorn", "gunicorn"), ["--chdir", Gunicorn(folder), "-b", $"127.0.0.1:{port}", "--threads", "8", "--keep-alive", "2", "ledger:app"]),
            "java" => (Tool.Find("java", "openjdk-17-jdk-headless"), [Java(folder)]),
            _ => throw new ArgumentException(kind),
        };
        var child = Child.Start(tool, arguments, new Dictionary<string, string>
        {
            ["PORT"] = $"{port}",
            ["LEDGER"] = ledger,
            ["MILLISECONDS"] = $"{milliseconds}",
        });
        await Net.Answers(port, "/pace", seconds: 60);
        return child;
    }

    /// <summary>SIGKILL to it and to its workers, which would serve on.</summary>
    public static async Task Kill(Child app)
    {
        var workers = Processes.ChildrenOf(app.Id);
        app.Signal(Child.Sigkill);
        await app.Exit(TimeSpan.FromSeconds(10));
        foreach (var worker in workers) Processes.Kill(worker);
    }

    private static string Puma(TemporaryFolder folder, int port)
    {
        var rack = folder.Write("ledger.ru", """
            LEDGER = File.open(ENV['LEDGER'], 'a')
            LEDGER.sync = true
            run ->(env) {
              env['rack.input'].read
              if env['PATH_INFO'] != '/pace'
                LEDGER.syswrite("#{env['REQUEST_METHOD']} #{env['QUERY_STRING'][/id=(\d+)/, 1]}\n")
                sleep ENV['MILLISECONDS'].to_i / 1000.0
              end
              [200, {'Content-Type' => 'text/plain'}, ['done']]
            }
            """);
        return folder.Write("ledger-puma.rb", $"bind 'tcp://127.0.0.1:{port}'\nthreads 16, 16\nrackup '{rack}'\nlog_requests false\n");
    }

    private static string Gunicorn(TemporaryFolder folder)
    {
        folder.Write("ledger.py", """
            import os, time
            ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND)

            def app(env, start):
                env["wsgi.input"].read()
                if env["PATH_INFO"] != "/pace":
                    os.write(ledger, ("%s %s\n" % (env["REQUEST_METHOD"], env["QUERY_STRING"][3:])).encode())
                    time.sleep(int(os.environ["MILLISECONDS"]) / 1000)
                start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
                return [b"done"]
            """);
        return folder.Path;
    }

    private static string Java(TemporaryFolder folder) => folder.Write("Ledger.java", """
        import com.sun.net.httpserver.HttpServer;
        import java.io.FileOutputStream;
        import java.net.InetSocketAddress;
        import java.util.concurrent.Executors;

        public class Ledger {
            public static void main(String[] args) throws Exception {
                var ledger = new FileOutputStream(System.getenv("LEDGER"), true);
                var milliseconds = Long.parseLong(System.getenv("MILLISECONDS"));
                var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(System.getenv("PORT"))), 100);
                server.setExecutor(Executors.newFixedThreadPool(32));
                server.createContext("/", exchange -> {
                    exchange.getRequestBody().readAllBytes();
                    var uri = exchange.getRequestURI();
                    if (!uri.getPath().equals("/pace")) {
                        synchronized (ledger) {
                            ledger.write((exchange.getRequestMethod() + " " + uri.getQuery().substring(3) + "\n").getBytes());
                        }
                        try {
                            Thread.sleep(milliseconds);
                        } catch (InterruptedException e) {
                            return;
                        }
                    }
                    exchange.sendResponseHeaders(200, 4);
                    exchange.getResponseBody().write("done".getBytes());
                    exchange.close();
                });
                server.start();
            }
        }
        """);
}
