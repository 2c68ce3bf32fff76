using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// The listener's certificate from PEM files, looked at again when they change. Looking happens at handshakes, at most once a second,
/// since file-change notices miss the symbolic links by which Kubernetes swaps mounted secrets. A broken pair keeps the old one.
/// </summary>
internal sealed class TlsCertificates
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private readonly string certificatePath;
    private readonly string keyPath;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Lock gate = new();
    private SslStreamCertificateContext current;
    private (DateTime Certificate, DateTime Key) stamp;
    private long lookedAt;

    /// <exception cref="CryptographicException">The files hold no usable pair.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public TlsCertificates(string certificatePath, string keyPath, TimeProvider time, ILogger log)
    {
        (this.certificatePath, this.keyPath, this.time, this.log) = (certificatePath, keyPath, time, log);
        stamp = Stamp();
        current = Load();
        lookedAt = time.GetTimestamp();
    }

    public SslStreamCertificateContext Current
    {
        get
        {
            lock (gate)
            {
                if (time.GetElapsedTime(lookedAt) < LookEvery) return current;
                lookedAt = time.GetTimestamp();
                var now = Stamp();
                if (now == stamp) return current;
                try
                {
                    current = Load();
                    stamp = now;
                    log.LogInformation("TLS certificate reloaded: {Subject}, valid until {NotAfter:u}",
                        current.TargetCertificate.Subject, current.TargetCertificate.NotAfter.ToUniversalTime());
                }
                catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException)
                {
                    log.LogWarning("TLS certificate not reloaded, the old one stays: {Reason}", e.Message);
                }

                return current;
            }
        }
    }

    private SslStreamCertificateContext Load()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificatePath);
        var leaf = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        return SslStreamCertificateContext.Create(leaf, chain, offline: true);
    }

    private (DateTime Certificate, DateTime Key) Stamp() => (File.GetLastWriteTimeUtc(certificatePath), File.GetLastWriteTimeUtc(keyPath));
}
