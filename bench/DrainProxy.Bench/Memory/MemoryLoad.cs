using System.Collections.Concurrent;

namespace DrainProxy.Bench.Memory;

/// <summary>One answer.</summary>
/// <param name="At">When it was due, in seconds from the start.</param>
/// <param name="Took">Seconds from then to its end.</param>
/// <param name="Status">0 for a connection that broke or 30 s without an answer.</param>
internal readonly record struct Answer(double At, double Took, int Status);

/// <summary>Clients that ask for heavy paths without a pause, and light requests by the clock whatever becomes of those before.</summary>
internal sealed class MemoryLoad(int port, MemoryOptions options, IReadOnlyList<string> heavyPaths) : IDisposable
{
    /// <summary>A client that got no answer waits so long before the next try: a bare app that is being killed answers at once.</summary>
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(0.3);
    private readonly TimeProvider time = TimeProvider.System;
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(2) })
    {
        BaseAddress = new Uri($"http://127.0.0.1:{port}"),
        Timeout = TimeSpan.FromSeconds(30),
    };

    private long start;

    public ConcurrentQueue<Answer> Heavy { get; } = new();

    public ConcurrentQueue<Answer> Light { get; } = new();

    public double Elapsed => time.GetElapsedTime(start).TotalSeconds;

    /// <summary>Loads for so long, then waits for what is under way.</summary>
    public async Task Run(double seconds, CancellationToken cancellation)
    {
        start = time.GetTimestamp();
        var clients = Enumerable.Range(0, options.Clients).Select(i => Client(heavyPaths[i % heavyPaths.Count], seconds, cancellation)).ToList();
        for (var i = 0; i < options.LightRate * seconds; i++)
        {
            var due = i / (double)options.LightRate;
            var wait = due - Elapsed;
            if (wait > 0) await Task.Delay(TimeSpan.FromSeconds(wait), time, cancellation);
            clients.Add(Ask("/", due, Light, cancellation));
        }

        await Task.WhenAll(clients);
    }

    public void Dispose() => http.Dispose();

    private async Task Client(string path, double seconds, CancellationToken cancellation)
    {
        while (Elapsed < seconds)
            if (await Ask(path, Elapsed, Heavy, cancellation) != 200) await Task.Delay(AfterFailure, time, cancellation);
    }

    private async Task<int> Ask(string path, double due, ConcurrentQueue<Answer> to, CancellationToken cancellation)
    {
        var status = 0;
        try
        {
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative), cancellation);
            status = (int)answer.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            // Counted as a connection that broke.
        }

        to.Enqueue(new(due, Elapsed - due, status));
        return status;
    }
}
