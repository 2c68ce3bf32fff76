using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Demo.Pods;

/// <summary>A real `drainproxy run` in front of one app, on loopback ports of its own.</summary>
internal sealed class Sidecar : IAsyncDisposable
{
    private const int AddressInUse = 69;
    private const int Attempts = 3;
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(50);
    private readonly HttpClient _admin;

    private Sidecar(ChildProcess process, int port, int adminPort)
    {
        (Process, Port) = (process, port);

        // The kubelet's hooks have no client timeout either; whoever waits here brings a limit.
        _admin = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{adminPort}"), Timeout = Timeout.InfiniteTimeSpan };
    }

    public ChildProcess Process { get; }

    public int Port { get; }

    /// <summary>Starts it and waits until it says ready. A port that somebody took in between means: once more with others.</summary>
    public static async Task<Sidecar> StartAsync(string pod, int appPort, long? appMemoryLimit, DemoSettings settings, TimeProvider time, CancellationToken cancel)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (port, adminPort) = FreePorts();
            var sidecar = new Sidecar(ChildProcess.Start($"DrainProxy of {pod}", [.. Arguments(port, adminPort, appPort, settings), .. Memory(appMemoryLimit)]), port, adminPort);
            try
            {
                await sidecar.ReadyAsync(settings.StartTimeout, time, cancel);
                return sidecar;
            }
            catch (DemoFailedException) when (attempt < Attempts && sidecar.Process.Exited is { IsCompletedSuccessfully: true, Result: AddressInUse })
            {
                await sidecar.DisposeAsync();
            }
            catch
            {
                await sidecar.DisposeAsync();
                throw;
            }
        }
    }

    /// <summary>The app's preStop hook. Its status is ignored, as the kubelet ignores it.</summary>
    public async Task WaitForDrainAsync(CancellationToken cancel)
    {
        try
        {
            using var response = await _admin.GetAsync(new Uri("/drain/wait", UriKind.Relative), cancel);
        }
        catch (HttpRequestException)
        {
            // The hook failed: Kubernetes goes on with SIGTERM.
        }
    }

    public async ValueTask DisposeAsync()
    {
        _admin.Dispose();
        await Process.DisposeAsync();
    }

    private static string[] Arguments(int port, int adminPort, int appPort, DemoSettings settings) =>
    [
        "run",
        "--listen", $"127.0.0.1:{port}",
        "--app", $"http://127.0.0.1:{appPort}",
        "--admin", $"127.0.0.1:{adminPort}",
        "--lb", "alb",
        "--grace", $"{settings.Grace.TotalMilliseconds:0}ms",
        "--linger", $"{settings.Linger.TotalMilliseconds:0}ms",
        "--quiet", $"{settings.Quiet.TotalMilliseconds:0}ms",
        "--log-format", "json",
    ];

    /// <summary>The limit is the demo's own, so it has to be told; its processes are found by the app's port.</summary>
    private static string[] Memory(long? limit) => limit is { } bytes ? ["--memory-source", "port", "--memory-limit", $"{bytes >> 10}Ki"] : [];

    private async Task ReadyAsync(TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        while (!await IsReadyAsync(cancel))
        {
            if (Process.Exited.IsCompleted)
                throw Process.Failure($"ended with exit code {await Process.Exited}");
            if (time.GetElapsedTime(started) > limit)
                throw Process.Failure("was not ready in time");
            await Task.Delay(PollEvery, time, cancel);
        }
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancel)
    {
        try
        {
            using var response = await _admin.GetAsync(new Uri("/readyz", UriKind.Relative), cancel);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Two ports that were free a moment ago, held at the same time so that they differ.</summary>
    private static (int First, int Second) FreePorts()
    {
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var second = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        first.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        second.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return (((IPEndPoint)first.LocalEndPoint!).Port, ((IPEndPoint)second.LocalEndPoint!).Port);
    }
}
