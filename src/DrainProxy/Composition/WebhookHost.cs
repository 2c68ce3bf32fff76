using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using DrainProxy.Commands;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook;
using DrainProxy.Kubernetes.Webhook.Certificates;
using DrainProxy.Logging;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Composition;

/// <summary>What the command line of `webhook` says.</summary>
/// <param name="Common">Listeners, certificate files, log: bound as those of `run`.</param>
/// <param name="Image">The sidecar's image where no annotation names one.</param>
/// <param name="NodeNotice">Whom the sidecars ask whether their node goes; null: nobody.</param>
/// <param name="Mode">Where the certificate comes from: self, cert-manager, files.</param>
/// <param name="Names">Objects of the cluster.</param>
/// <param name="Server">The API server; null: this is no pod (mode files only).</param>
/// <param name="Account">Whom it is called as.</param>
internal sealed record WebhookSettings(ProxySettings Common, string Image, string? NodeNotice, string Mode, ClusterNames Names, Uri? Server, ServiceAccount Account);

/// <summary>Runs one replica of the webhook until a signal stops it.</summary>
internal static class WebhookHost
{
    private const int ExitNotBound = 69;

    public static async Task<int> RunAsync(WebhookSettings settings)
    {
        using var logs = Log.Create(settings.Common);
        var log = logs.CreateLogger("drainproxy.webhook");
        try
        {
            using var api = settings.Server is null ? null : new ApiClient(settings.Server, settings.Account, TimeProvider.System);
            ICertificateSource certificates = settings.Mode == "files"
                ? new FileCertificates(settings.Common.TlsCert!, settings.Common.TlsKey!, TimeProvider.System, log)
                : new SecretCertificates(api!, settings.Names, settings.Mode == "self" ? Me() : null, LeaderTimes.Default, TimeProvider.System, log);
            return await Run(settings, certificates, api, logs);
        }
        catch (CryptographicException e)
        {
            await Console.Error.WriteLineAsync($"drainproxy: tls-cert, tls-key: {e.Message}");
            return ExitCodes.Configuration;
        }
        catch (Exception e) when (BindFailures.Reason(e) is { } reason)
        {
            await Console.Error.WriteLineAsync($"drainproxy: {reason}");
            return ExitNotBound;
        }
    }

    /// <summary>The pod's name, and something that no earlier container of it had.</summary>
    private static string Me() => $"{Environment.MachineName}_{Guid.NewGuid():N}";

    private static async Task<int> Run(WebhookSettings settings, ICertificateSource certificates, ApiClient? api, ILoggerFactory logs)
    {
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var atOnce = new CancellationTokenSource();
        using var sigterm = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Signalled);
        using var sigint = PosixSignalRegistration.Create(PosixSignal.SIGINT, Signalled);

        var server = api is null ? null : new ServerVersion(api, TimeProvider.System);
        using var ended = new CancellationTokenSource();
        var watching = server?.Run(ended.Token) ?? Task.CompletedTask;
        var version = typeof(WebhookHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
        var parts = new WebhookParts(
            [.. ListenAddresses.Resolve(settings.Common.Ports[0].Listen)], [.. ListenAddresses.Resolve(settings.Common.Admin)], certificates,
            () => InjectionRequest.Default with { Image = settings.Image, NodeNotice = settings.NodeNotice, Version = server?.Current ?? KubernetesVersion.Newest }, version,
            // With files nothing else of it is needed: it may be out of reach.
            settings.Mode == "files" ? null : server);
        using var exporter = new WebhookExporter(TimeProvider.System);
        using var replica = new WebhookReplica(parts, exporter.Of, TimeProvider.System, logs);
        await replica.Start(CancellationToken.None);
        await stop.Task;
        await replica.Stop(atOnce.Token);
        await ended.CancelAsync();
        await watching;
        return ExitCodes.Ok;

        void Signalled(PosixSignalContext context)
        {
            context.Cancel = true;
            // A second signal is somebody who does not want to wait.
            if (!stop.TrySetResult()) atOnce.Cancel();
        }
    }
}

/// <summary>The proxy's exporter on the webhook's instruments, with those of the process and the runtime.</summary>
internal sealed class WebhookExporter(TimeProvider time) : IDisposable
{
    private readonly ScrapeMemory scrapes = new(time);
    private PrometheusExporter? exporter;
    private RuntimeInstruments? runtime;

    public WriteMetrics Of(WebhookMetrics metrics)
    {
        metrics.Meter.CreateObservableGauge("drainproxy.build_info", new Series().Add(() => 1, ("version", metrics.Meter.Version ?? ""),
            ("runtime", RuntimeInformation.FrameworkDescription)).Observe, null, "Always 1; which build this is and what it runs on.");
        ProcessInstruments.Add(metrics.Meter, new ProcessReader(time));
        runtime = new(metrics.Meter);
        exporter = new(metrics.Meter, scrapes);
        return (accept, scraper, output) =>
        {
            var type = exporter.Negotiate(accept);
            exporter.Write(output, type == PrometheusExporter.OpenMetricsContentType, scraper);
            return type;
        };
    }

    public void Dispose()
    {
        exporter?.Dispose();
        runtime?.Dispose();
    }
}
