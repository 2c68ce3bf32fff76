using System.Net.Security;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>Where the webhook's certificate comes from: files, or a Secret of the cluster.</summary>
internal interface ICertificateSource
{
    /// <summary>What the next handshake gets; null while there is none.</summary>
    SslStreamCertificateContext? Current { get; }

    /// <summary>Whether this replica looks after the certificate for all.</summary>
    bool Leads { get; }

    /// <summary>Why the API server could not call this replica now; null when it could.</summary>
    string? Unready(DateTimeOffset now);

    /// <summary>Keeps it up to date until cancelled.</summary>
    Task Run(CancellationToken cancel);
}
