using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>
/// Before the first pod waits for an answer: made-up reviews go the whole way (TLS, HTTP/2, reading, deciding, writing) on a loopback listener of its own, so that
/// the code is compiled. Without it the reviews of a replica's first seconds take a tenth of a second and more each. Nothing of it is counted or logged.
/// </summary>
internal sealed partial class WarmUp(Func<InjectionRequest> injection, TimeProvider time, ILogger log)
{
    /// <summary>A replica on a slow or throttled processor becomes ready all the same.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>The runtime compiles anew what was called 30 times, in the background, once nothing new has been compiled for 100 ms; counted first, optimised in a second turn.</summary>
    private const int Rounds = 4;

    private const int CallsInRound = 40;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(150);

    public async Task Run(CancellationToken cancel)
    {
        var started = time.GetTimestamp();
        using var limit = new CancellationTokenSource(Longest, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        try
        {
            await Call(ended.Token);
            LogWarm(log, time.GetElapsedTime(started).TotalSeconds);
        }
        catch (OperationCanceledException)
        {
            // Stopping, or slow: then it is as warm as it got.
        }
#pragma warning disable CA1031 // A help, not a need: whatever keeps it from working must not keep the replica from serving.
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogCold(log, e.Message);
        }
    }

    private async Task Call(CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        var issuer = CertificateMaker.Authority(now, TimeSpan.FromHours(1));
        var pair = CertificateMaker.Leaf(issuer, ["127.0.0.1"], now, TimeSpan.FromHours(1));
        using var authority = X509Certificate2.CreateFromPem(issuer.Certificate);
        using var leaf = X509Certificate2.CreateFromPem(pair.Certificate, pair.Key);
        var certificate = SslStreamCertificateContext.Create(leaf, null, offline: true);
        using var metrics = new WebhookMetrics("0", () => null, () => false, () => false);
        using var application = new WebhookApplication(injection, () => false, metrics, time, NullLogger.Instance);
        using var server = WebhookServer.Secure([new(IPAddress.Loopback, 0)], () => certificate, NullLoggerFactory.Instance);
        await server.Start(application, cancel);
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new() { CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, CustomTrustStore = { authority }, RevocationMode = X509RevocationMode.NoCheck } },
        })
        {
            BaseAddress = new($"https://127.0.0.1:{server.Port}"),
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var bodies = SampleReviews.All.Select(Encoding.UTF8.GetBytes).ToList();
        for (var round = 0; round < Rounds; round++)
        {
            for (var call = 0; call < CallsInRound; call++)
            {
                using var content = new ByteArrayContent(bodies[call % bodies.Count]) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
                using var answer = await client.PostAsync(WebhookApplication.Path + "?timeout=10s", content, cancel);
                await answer.Content.CopyToAsync(Stream.Null, cancel);
            }

            await Task.Delay(Pause, time, cancel);
        }

        await server.Stop(cancel);
    }

    [LoggerMessage(603, LogLevel.Information, "Warmed up with made-up reviews in {Seconds:0.0} s", EventName = "webhook_warm")]
    private static partial void LogWarm(ILogger log, double seconds);

    [LoggerMessage(604, LogLevel.Warning, "Not warmed up, the first reviews will take longer: {Reason}", EventName = "webhook_cold")]
    private static partial void LogCold(ILogger log, string reason);
}
