using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Cluster;
using DrainProxy.Kubernetes.Api;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>Does what <see cref="RotationRule"/> says, one step after the other, on what the API server has now (not on what a watch has brought).</summary>
internal sealed partial class Rotation(ApiClient api, ClusterNames names, RotationTimes times, Func<bool> leads, TimeProvider time, ILogger log)
{
    /// <summary>A whole rotation has four steps, and each may meet a conflict.</summary>
    private const int MostSteps = 12;

    private (string Bundle, long At)? trusted;

    public async Task Run(CancellationToken cancel)
    {
        for (var i = 0; i < MostSteps && leads(); i++)
        {
            // In this order: a Secret that somebody changed before the configuration was read is seen, and a configuration that somebody changed after
            // that makes the patch a conflict. So no leader that was asleep can take back a trust that its successor has given.
            var entries = new WebhookEntries(await api.Get(names.ConfigurationPath, cancel));
            var secret = new CertificateSecret(await api.Get(names.SecretPath, cancel));
            var now = time.GetUtcNow();
            var step = RotationRule.Decide(secret.Sight(entries, TrustedFor(secret, entries)), times, now);
            if (step == RotationStep.Nothing) return;
            try
            {
                await Do(step, secret, entries, now, cancel);
                LogStep(log, step);
            }
            catch (ApiException e) when (e.IsConflict)
            {
                // Somebody has changed it since it was read: read again, decide again.
            }
        }
    }

    private Task<JsonObject> Do(RotationStep step, CertificateSecret secret, WebhookEntries entries, DateTimeOffset now, CancellationToken cancel) => step switch
    {
        RotationStep.MakeAuthority => Write(secret, secret.WithAuthority(CertificateMaker.Authority(now, times.AuthorityLife), now, names), cancel),
        RotationStep.TrustAuthorities => api.Merge(names.ConfigurationPath, entries.Trust(secret.Bundle), cancel),
        RotationStep.IssueLeaf => Write(secret, secret.WithLeaf(Leaf(secret, entries, now), names), cancel),
        _ => Write(secret, secret.WithoutOldAuthorities(names), cancel),
    };

    /// <exception cref="ArgumentException">An entry calls a host that no certificate can name: writing one over and over would help nobody.</exception>
    private PemPair Leaf(CertificateSecret secret, WebhookEntries entries, DateTimeOffset now)
    {
        var leaf = CertificateMaker.Leaf(secret.Authority!, entries.Hosts, now, times.LeafLife);
        using var made = X509Certificate2.CreateFromPem(leaf.Certificate);
        return entries.Hosts.Find(h => !WebhookEntries.Names(made, h)) is { } host ? throw new ArgumentException($"an entry calls {host}, which no certificate can name") : leaf;
    }

    private Task<JsonObject> Write(CertificateSecret secret, JsonObject changed, CancellationToken cancel) =>
        secret.Exists ? api.Replace(names.SecretPath, changed, cancel) : api.Create(names.SecretFolder, changed, cancel);

    private TimeSpan? TrustedFor(CertificateSecret secret, WebhookEntries entries)
    {
        var bundle = secret.Bundle;
        if (entries.Count == 0 || entries.Trusting(bundle) < entries.Count)
        {
            trusted = null;
            return null;
        }

        if (trusted is not { } since || since.Bundle != bundle) trusted = since = (bundle, time.GetTimestamp());
        return time.GetElapsedTime(since.At);
    }

    [LoggerMessage(621, LogLevel.Information, "Certificate: {Step}", EventName = "webhook_rotation")]
    private static partial void LogStep(ILogger log, RotationStep step);
}
