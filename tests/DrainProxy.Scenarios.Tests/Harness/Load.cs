using System.Collections.Concurrent;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>
/// Steady load of GET and POST from keep-alive clients. A failure is any answer but 200, or none. A connection that the load balancer
/// closed while idle is opened anew: that race is between client and load balancer; what the pods do wrong shows as the balancer's 502.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private const int Retries = 32;

    /// <summary>Requests that may wait for their answer: on a machine that is too busy for the rate, the rate falls instead of a heap that only grows.</summary>
    private const int MaxOpen = 64;
    private readonly CancellationTokenSource stop = new();
    private readonly ConcurrentBag<string> failures = [];
    private readonly HttpClient http;
    private readonly int port;
    private readonly string path;
    private readonly Task running;
    private long sent;

    /// <param name="port">Who is asked.</param>
    /// <param name="perSecond">How often.</param>
    /// <param name="path">What for; a number follows.</param>
    public Load(int port, double perSecond, string path = "/?")
    {
        (this.port, this.path) = (port, path);
        http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(20) };
        running = Run(perSecond);
    }

    public long Sent => Interlocked.Read(ref sent);

    public IReadOnlyCollection<string> Failures => failures;

    /// <summary>Stops sending and waits for the last answer.</summary>
    public async Task Stop()
    {
        await stop.CancelAsync();
        await running;
    }

    public async ValueTask DisposeAsync()
    {
        await Stop();
        http.Dispose();
        stop.Dispose();
    }

    private async Task Run(double perSecond)
    {
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        var open = new List<Task>();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var due = TimeSpan.FromSeconds(i / perSecond) - time.GetElapsedTime(start);
            if (due > TimeSpan.Zero)
            {
                try
                {
                    await Task.Delay(due, time, stop.Token);
                }
                catch (OperationCanceledException)
                {
                    break;
                }
            }

            open.RemoveAll(t => t.IsCompleted);
            if (open.Count >= MaxOpen) await Task.WhenAny(open);
            open.Add(Send(i));
        }

        await Task.WhenAll(open);
    }

    private async Task Send(int number)
    {
        Interlocked.Increment(ref sent);
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                using var request = number % 2 == 0
                    ? new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{port}{path}{number}")
                    : new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{port}{path}{number}") { Content = new StringContent("body") };
                using var answer = await http.SendAsync(request);
                if ((int)answer.StatusCode != 200) failures.Add($"{request.Method} {number}: {(int)answer.StatusCode}");
                return;
            }
            catch (HttpRequestException e) when (attempt < Retries && e.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.Unknown)
            {
                // The load balancer closed the client's idle connection (nginx closes all of them on a reload, and a late client meets one after the other).
            }
            catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
            {
                failures.Add($"{number}: {e}");
                return;
            }
        }
    }
}
