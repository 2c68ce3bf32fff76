namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A Node server on disk, whose file a test changes; tells its version and process in each answer.</summary>
internal sealed class DevApp : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly string port;

    /// <param name="port">What it listens on, as JavaScript.</param>
    public DevApp(string port = "process.env.PORT")
    {
        this.port = port;
        Change(1);
    }

    public string File => Path.Combine(folder.Path, "server.js");

    public string Glob => folder.Path + "/**/*.js";

    public IReadOnlyList<string> Command => [Tool.Find("node", "nodejs"), File];

    public void Change(int version, string first = "") => folder.Write("server.js", $$"""
        {{first}}
        const http = require('http');
        let signals = 0;
        const server = http.createServer((request, response) => {
          const wait = Number(new URL(request.url, 'http://app').searchParams.get('ms'));
          setTimeout(() => response.end('{{version}} ' + process.pid), wait);
        });
        process.on('SIGTERM', () => { console.log('sigterm ' + ++signals); server.close(() => process.exit(0)); });
        server.listen({{port}}, () => { console.log('version {{version}} listens'); console.error('to standard error'); });
        """);

    public void Dispose() => folder.Dispose();
}

/// <summary>Clients that ask one after the other; what is not 200 is a failure.</summary>
internal sealed class Gets : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(20) };
    private readonly List<string> failures = [];
    private readonly HashSet<string> answers = [];
    private readonly Task running;
    private int sent;

    public Gets(int port, int clients = 4) => running = Task.WhenAll(Enumerable.Range(0, clients).Select(i => Ask(port, i)));

    public int Sent => Volatile.Read(ref sent);

    /// <summary>The versions that answered.</summary>
    public IReadOnlyCollection<string> Versions
    {
        get { lock (answers) return [.. answers]; }
    }

    public async Task<IReadOnlyList<string>> Stop()
    {
        await stop.CancelAsync();
        await running;
        return failures;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        http.Dispose();
        stop.Dispose();
    }

    private async Task Ask(int port, int client)
    {
        while (!stop.IsCancellationRequested)
        {
            var number = Interlocked.Increment(ref sent);
            try
            {
                // A slow one among the quick ones is under way whenever the app is replaced.
                using var answer = await http.GetAsync($"http://127.0.0.1:{port}/?ms={(client == 0 ? 300 : 5)}");
                var text = await answer.Content.ReadAsStringAsync();
                lock (answers) answers.Add(text.Split(' ')[0]);
                if ((int)answer.StatusCode != 200) Fail($"{number}: {(int)answer.StatusCode} {text}");
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                Fail($"{number}: {e.Message}");
            }
        }
    }

    private void Fail(string failure)
    {
        lock (failures) failures.Add(failure);
    }
}
