using System.Net.Security;
using DrainProxy.Kubernetes.Webhook.Certificates;
using DrainProxy.Proxy.Listening;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Composition;

/// <summary>The webhook's certificate from PEM files, which somebody else renews and puts into the caBundle.</summary>
internal sealed class FileCertificates(string certificate, string key, TimeProvider time, ILogger log) : ICertificateSource
{
    private readonly TlsCertificates files = new(certificate, key, time, log);

    public SslStreamCertificateContext Current => files.Current;

    public bool Leads => false;

    public string? Unready(DateTimeOffset now)
    {
        var served = Current.TargetCertificate;
        if (now < served.NotBefore) return $"the certificate is not valid before {served.NotBefore.ToUniversalTime():u}";
        return now > served.NotAfter ? $"the certificate has expired at {served.NotAfter.ToUniversalTime():u}" : null;
    }

    /// <summary>Nothing to do: the files are looked at when they are needed.</summary>
    public Task Run(CancellationToken cancel) => Task.CompletedTask;
}
