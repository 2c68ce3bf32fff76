using System.Collections.Concurrent;
using System.Net.Sockets;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>
/// Keep-alive clients at a fixed rate in all, half GET, half POST, each with an id that has to come back. A request is repeated only when a used
/// connection ended without an answer byte: that race is between client and load balancer; who then executed it shows in the app's notes.
/// </summary>
internal sealed class Orders(int port, int perSecond, int clients) : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentBag<string> failures = [];
    private readonly ConcurrentBag<int> posted = [];
    private Task running = Task.CompletedTask;
    private int next;

    public IReadOnlyCollection<string> Failures => failures;

    /// <summary>The ids of all POST requests.</summary>
    public IReadOnlyCollection<int> Posted => posted;

    public void Start() => running = Task.WhenAll(Enumerable.Range(0, clients).Select(Client));

    public async Task Stop()
    {
        await stop.CancelAsync();
        await running;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        stop.Dispose();
    }

    private async Task Client(int number)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        RawConnection? connection = null;
        for (var i = 0; ; i++)
        {
            var due = TimeSpan.FromSeconds(((i * clients) + number) / (double)perSecond) - time.GetElapsedTime(start);
            if (due > TimeSpan.Zero) await Task.WhenAny(Task.Delay(due, time, stop.Token));
            if (stop.IsCancellationRequested) break;
            connection = await Order(connection, Interlocked.Increment(ref next), post: i % 2 == 1);
        }

        connection?.Dispose();
    }

    private async Task<RawConnection?> Order(RawConnection? connection, int id, bool post)
    {
        if (post) posted.Add(id);
        var request = $"{(post ? "POST" : "GET")} /order?id={id} HTTP/1.1\r\nHost: x\r\n{(post ? "Content-Length: 0\r\n" : "")}\r\n";
        while (true)
        {
            var used = connection is not null;
            try
            {
                connection ??= await RawConnection.Open(port);
                await connection.Send(request);
                var answer = await connection.Answer();
                if (answer.Status != 200 || answer.Body != $"{id}") failures.Add($"order {id}: {answer.Status} {answer.Body}");
                if (!answer.Field("Connection").Contains("close", StringComparison.OrdinalIgnoreCase)) return connection;
                connection.Dispose();
                return null;
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                var nothing = connection?.Received == 0;
                connection?.Dispose();
                connection = null;
                if (used && nothing) continue;
                failures.Add($"order {id}: {e.Message}");
                return null;
            }
        }
    }
}
