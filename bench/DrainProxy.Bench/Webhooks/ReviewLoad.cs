using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;

namespace DrainProxy.Bench.Webhooks;

/// <summary>
/// Calls as an API server makes them: one HTTP/2 connection over TLS, <c>?timeout=</c> in the URL. Open loop: a review falls due by the clock and is timed from
/// that moment, so a stall counts for every review behind it.
/// </summary>
internal sealed class ReviewLoad : IDisposable
{
    private static readonly TimeProvider Clock = TimeProvider.System;
    private readonly HttpClient client;

    /// <param name="port">On loopback.</param>
    /// <param name="authority">The one that is trusted, as an entry's caBundle.</param>
    public ReviewLoad(int port, X509Certificate2 authority) => client = new(new SocketsHttpHandler
    {
        SslOptions = new()
        {
            CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck },
        },
    })
    {
        BaseAddress = new($"https://127.0.0.1:{port}"),
        DefaultRequestVersion = HttpVersion.Version20,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <param name="bodies">By the number of the call.</param>
    /// <param name="expected">Any other status is a failure.</param>
    public async Task<ReviewResult> AtRate(Func<int, byte[]> bodies, double rate, double seconds, HttpStatusCode expected, CancellationToken cancellation)
    {
        var (latencies, late) = (new ConcurrentBag<double>(), new List<double>());
        var (count, failed) = ((int)(rate * seconds), 0);
        var interval = Clock.TimestampFrequency / rate;
        var calls = new Task[count];
        var start = Clock.GetTimestamp();
        for (var i = 0; i < count; i++)
        {
            var due = start + (long)(i * interval);
            while (Clock.GetTimestamp() is var now && now < due) await Task.Delay(Clock.GetElapsedTime(now, due), Clock, cancellation);
            late.Add(Clock.GetElapsedTime(due).TotalMilliseconds);
            calls[i] = Call(bodies(i), due);
        }

        await Task.WhenAll(calls);
        return new(count, failed, count / Clock.GetElapsedTime(start).TotalSeconds, At([.. latencies], 0.5), At([.. latencies], 0.99), At(late, 0.99));

        async Task Call(byte[] body, long due)
        {
            if (await Send(body, cancellation) != expected) Interlocked.Increment(ref failed);
            latencies.Add(Clock.GetElapsedTime(due).TotalMilliseconds);
        }
    }

    /// <summary>As fast as they are answered, so many at once.</summary>
    public async Task<ReviewResult> Flat(Func<int, byte[]> bodies, int count, int atOnce, HttpStatusCode expected, CancellationToken cancellation)
    {
        var latencies = new ConcurrentBag<double>();
        var failed = 0;
        var start = Clock.GetTimestamp();
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = atOnce, CancellationToken = cancellation }, async (i, cancel) =>
        {
            var sent = Clock.GetTimestamp();
            if (await Send(bodies(i), cancel) != expected) Interlocked.Increment(ref failed);
            latencies.Add(Clock.GetElapsedTime(sent).TotalMilliseconds);
        });
        return new(count, failed, count / Clock.GetElapsedTime(start).TotalSeconds, At([.. latencies], 0.5), At([.. latencies], 0.99), 0);
    }

    public void Dispose() => client.Dispose();

    private async Task<HttpStatusCode> Send(byte[] body, CancellationToken cancellation)
    {
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var answer = await client.PostAsync("/mutate?timeout=10s", content, cancellation);
        await answer.Content.CopyToAsync(Stream.Null, cancellation);
        return answer.StatusCode;
    }

    private static double At(List<double> values, double quantile)
    {
        values.Sort();
        return values[(int)Math.Min(values.Count - 1, quantile * values.Count)];
    }
}

/// <summary>Times in ms; <paramref name="LateP99"/> is how late the generator itself sent, part of the other two.</summary>
internal sealed record ReviewResult(int Reviews, int Failed, double PerSecond, double P50, double P99, double LateP99);
