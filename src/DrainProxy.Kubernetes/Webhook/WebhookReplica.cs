using System.Net;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>What one replica of the webhook is made of.</summary>
/// <param name="Listen">Where the API server calls, over TLS.</param>
/// <param name="Admin">Probes and metrics, clear text.</param>
/// <param name="Certificates">What the TLS listener serves.</param>
/// <param name="Injection">What is known beside the pod; asked for each review.</param>
/// <param name="Version">This program's, for the metrics.</param>
/// <param name="Server">Not ready before it has told its version; null: nobody is asked.</param>
/// <param name="WarmsUp">Ready only after made-up reviews.</param>
internal sealed record WebhookParts(
    IReadOnlyList<IPEndPoint> Listen, IReadOnlyList<IPEndPoint> Admin, ICertificateSource Certificates, Func<InjectionRequest> Injection, string Version, ServerVersion? Server = null, bool WarmsUp = true);

/// <summary>One replica: servers, certificate, metrics; started and stopped in order.</summary>
internal sealed partial class WebhookReplica : IDisposable
{
    /// <summary>After the stop signal: the Service's endpoints learn late, and calls go on coming (as in front of any pod).</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    /// <summary>For reviews under way when the listeners close.</summary>
    private static readonly TimeSpan Farewell = TimeSpan.FromSeconds(5);

    private readonly WebhookParts parts;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly CancellationTokenSource stop = new();
    private readonly WebhookApplication application;
    private readonly WebhookServer server;
    private readonly WebhookServer adminServer;
    private readonly WebhookAdmin admin;
    private readonly WarmUp warmUp;
    private Task certificates = Task.CompletedTask;
    private volatile Task warm = Task.CompletedTask;
    private volatile bool stopping;

    /// <param name="exporter">Makes the writer of the metrics' text out of the instruments.</param>
    public WebhookReplica(WebhookParts parts, Func<WebhookMetrics, WriteMetrics> exporter, TimeProvider time, ILoggerFactory logs)
    {
        (this.parts, this.time) = (parts, time);
        log = logs.CreateLogger("drainproxy.webhook");
        Metrics = new(parts.Version, () => Expiry, () => Unready() is null, () => parts.Certificates.Leads);
        application = new(parts.Injection, () => stopping, Metrics, time, log);
        warmUp = new(parts.Injection, time, log);
        server = WebhookServer.Secure(parts.Listen, () => parts.Certificates.Current, logs);
        adminServer = WebhookServer.Plain(parts.Admin, logs);
        admin = new(Unready, exporter(Metrics));
    }

    public WebhookMetrics Metrics { get; }

    public int Port => server.Port;

    public int AdminPort => adminServer.Port;

    /// <summary>Bytes of bodies that can still be taken.</summary>
    public long FreeBytes => application.FreeBytes;

    private DateTimeOffset? Expiry => parts.Certificates.Current is { } served ? new DateTimeOffset(served.TargetCertificate.NotAfter.ToUniversalTime()) : null;

    /// <summary>Why the API server should not call this replica; null when it should.</summary>
    public string? Unready() => stopping ? "stopping" : !warm.IsCompleted ? "warming up" : parts.Server?.Unready ?? parts.Certificates.Unready(time.GetUtcNow());

    /// <summary>Whoever calls before it is warm gets an answer, only later.</summary>
    public async Task Start(CancellationToken cancel)
    {
        if (parts.WarmsUp) warm = new TaskCompletionSource().Task;
        await adminServer.Start(admin, cancel);
        await server.Start(application, cancel);
        certificates = parts.Certificates.Run(stop.Token);
        if (parts.WarmsUp) warm = Task.Run(() => warmUp.Run(stop.Token), CancellationToken.None);
        LogListening(log, parts.Listen[0].Address, Port, parts.Admin[0].Address, AdminPort);
    }

    /// <summary>Unready at once, served on for <see cref="Linger"/> or until <paramref name="atOnce"/>, then closed; the admin port last.</summary>
    public async Task Stop(CancellationToken atOnce)
    {
        stopping = true;
        LogStopping(log, Linger.TotalSeconds);
        await Task.Delay(Linger, time, atOnce).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await stop.CancelAsync();
        await Task.WhenAll(certificates, warm);
        using var limit = new CancellationTokenSource(Farewell, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, atOnce);
        foreach (var closing in new[] { server, adminServer })
        {
            try
            {
                await closing.Stop(ended.Token);
            }
            catch (OperationCanceledException)
            {
                // Who has not got its answer by now is not waited for.
            }
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        server.Dispose();
        adminServer.Dispose();
        application.Dispose();
        Metrics.Dispose();
        stop.Dispose();
    }

    [LoggerMessage(601, LogLevel.Information, "Webhook listening on {Address}:{Port}; admin {AdminAddress}:{AdminPort}", EventName = "webhook_listening")]
    private static partial void LogListening(ILogger log, IPAddress address, int port, IPAddress adminAddress, int adminPort);

    [LoggerMessage(602, LogLevel.Information, "Stopping: unready, served on for {Seconds} s", EventName = "webhook_stopping")]
    private static partial void LogStopping(ILogger log, double seconds);
}
