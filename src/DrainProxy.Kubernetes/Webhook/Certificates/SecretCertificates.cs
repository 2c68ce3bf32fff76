using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Cluster;
using DrainProxy.Kubernetes.Api;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>How often the leader looks, and how long the Lease holds.</summary>
/// <param name="LeaseHolds">client-go's usual 15 s.</param>
/// <param name="LookEvery">Also renews the Lease: well within two thirds of it.</param>
/// <param name="Rotation">Lives of certificates and pauses.</param>
internal sealed record LeaderTimes(TimeSpan LeaseHolds, TimeSpan LookEvery, RotationTimes Rotation)
{
    public static LeaderTimes Default { get; } = new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(4), RotationTimes.Default);
}

/// <summary>
/// The webhook's certificate from a Secret that every replica watches. With a leader (mode self) one of them makes it; without (mode cert-manager)
/// somebody else does.
/// </summary>
internal sealed partial class SecretCertificates : ICertificateSource
{
    /// <summary>client-go's: what has not renewed by then begins anew, before another takes over.</summary>
    private static readonly TimeSpan LongestRenewal = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestRotation = TimeSpan.FromSeconds(30);

    private readonly WatchedObject secret;
    private readonly WatchedObject configuration;
    private readonly Leadership? leadership;
    private readonly Rotation? rotation;
    private readonly TimeSpan lookEvery;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private volatile TaskCompletionSource wake = new();
    private volatile SslStreamCertificateContext? current;
    private PemPair? served;

    /// <param name="me">This replica's name in the Lease; null: somebody else makes the certificate.</param>
    public SecretCertificates(ApiClient api, ClusterNames names, string? me, LeaderTimes times, TimeProvider time, ILogger log)
    {
        (this.time, this.log, lookEvery) = (time, log, times.LookEvery);
        secret = new(api, names.SecretFolder, names.Secret, time, log);
        configuration = new(api, ClusterNames.ConfigurationFolder, names.Configuration, time, log);
        secret.Changed += () => Serve(secret.Current);
        if (me is null) return;
        leadership = new(api, names, me, times.LeaseHolds, time, log);
        rotation = new(api, names, times.Rotation, () => leadership.Leads, time, log);
        secret.Changed += Wake;
        configuration.Changed += Wake;
    }

    public SslStreamCertificateContext? Current => current;

    public bool Leads => leadership?.Leads == true;

    public string? Unready(DateTimeOffset now)
    {
        if (current is not { } context) return secret.Known ? "the Secret holds no certificate yet" : "the API server has not answered yet";
        var leaf = context.TargetCertificate;
        if (now < leaf.NotBefore || now > leaf.NotAfter) return $"the certificate is valid from {leaf.NotBefore.ToUniversalTime():u} to {leaf.NotAfter.ToUniversalTime():u} only";
        return configuration.Known ? new WebhookEntries(configuration.Current).Distrust(leaf, context.IntermediateCertificates, now) : "the API server has not answered yet";
    }

    public async Task Run(CancellationToken cancel)
    {
        await Task.WhenAll(secret.Run(cancel), configuration.Run(cancel), Lead(cancel));
        if (leadership is null) return;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
        await Attempt(() => leadership.Release(limit.Token), CancellationToken.None);
    }

    private async Task Lead(CancellationToken cancel)
    {
        while (leadership is not null && !cancel.IsCancellationRequested)
        {
            // Before looking: a change that comes while it looks is looked at too.
            wake = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await Attempt(
                async () =>
                {
                    await Within(LongestRenewal, leadership.Try, cancel);
                    if (leadership.Leads) await Within(LongestRotation, rotation!.Run, cancel);
                },
                cancel);
            await Task.WhenAny(wake.Task, Task.Delay(lookEvery, time, cancel));
        }
    }

    private async Task Within(TimeSpan longest, Func<CancellationToken, Task> what, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(longest, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        await what(ended.Token);
    }

    private async Task Attempt(Func<Task> what, CancellationToken cancel)
    {
        try
        {
            await what();
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Stopping.
        }
#pragma warning disable CA1031 // A leader that gave up without a word would hold the Lease for ever.
        catch (Exception e)
#pragma warning restore CA1031
        {
            LogRefused(log, e.Message);
        }
    }

    private void Wake() => wake.TrySetResult();

    /// <summary>What cannot be read leaves the old one in place: it may well be valid still.</summary>
    private void Serve(JsonObject? seen)
    {
        if (new CertificateSecret(seen).Leaf is not { } leaf || leaf == served) return;
        try
        {
            var chain = new X509Certificate2Collection();
            chain.ImportFromPem(leaf.Certificate);
            current = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(leaf.Certificate, leaf.Key), chain, offline: true);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or NotSupportedException)
        {
            LogUnreadable(log, e.Message);
            return;
        }

        served = leaf;
        LogServes(log, current.TargetCertificate.SerialNumber, current.TargetCertificate.NotAfter.ToUniversalTime());
    }

    [LoggerMessage(622, LogLevel.Warning, "The API server was asked in vain: {Reason}", EventName = "webhook_api_refused")]
    private static partial void LogRefused(ILogger log, string reason);

    [LoggerMessage(624, LogLevel.Warning, "The Secret's certificate cannot be served: {Reason}", EventName = "webhook_certificate_unreadable")]
    private static partial void LogUnreadable(ILogger log, string reason);

    [LoggerMessage(623, LogLevel.Information, "Serving certificate {Serial}, valid until {NotAfter:u}", EventName = "webhook_serves")]
    private static partial void LogServes(ILogger log, string serial, DateTime notAfter);
}
