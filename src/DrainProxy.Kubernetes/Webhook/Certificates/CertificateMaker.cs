using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>A certificate and its key as PEM, as a Secret holds them.</summary>
internal sealed record PemPair(string Certificate, string Key);

/// <summary>Makes the webhook's own CA and the certificates it signs. Times are given: nothing here looks at a clock.</summary>
internal static class CertificateMaker
{
    /// <summary>Clocks of nodes differ; a certificate is valid from a bit before it was made.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromMinutes(5);

    private const int SerialBytes = 16;
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <param name="now">Valid from here, less <see cref="Skew"/>.</param>
    /// <param name="lifetime">Valid for so long.</param>
    public static PemPair Authority(DateTimeOffset now, TimeSpan lifetime)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        // The name has the time in it: two CAs in one bundle are two names, so that a chain is never tried with the wrong one's key.
        var request = new CertificateRequest($"CN=drainproxy webhook CA {now.ToUnixTimeSeconds()}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: true, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var made = request.CreateSelfSigned(now - Skew, now + lifetime);
        return Pem(made, key);
    }

    /// <summary>A server certificate; never valid longer than its CA.</summary>
    /// <exception cref="CryptographicException">The authority is no pair of certificate and key.</exception>
    public static PemPair Leaf(PemPair authority, IReadOnlyList<string> hosts, DateTimeOffset now, TimeSpan lifetime)
    {
        using var issuer = X509Certificate2.CreateFromPem(authority.Certificate, authority.Key);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=drainproxy webhook", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var host in hosts)
        {
            if (System.Net.IPAddress.TryParse(host, out var address)) names.AddIpAddress(address);
            else names.AddDnsName(host);
        }

        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(ServerAuthentication)], critical: false));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
        var (from, until) = (now - Skew, now + lifetime);
        var (issuerFrom, issuerUntil) = (new DateTimeOffset(issuer.NotBefore.ToUniversalTime()), new DateTimeOffset(issuer.NotAfter.ToUniversalTime()));
        using var made = request.Create(issuer, from < issuerFrom ? issuerFrom : from, until > issuerUntil ? issuerUntil : until, RandomNumberGenerator.GetBytes(SerialBytes));
        return Pem(made, key);
    }

    private static PemPair Pem(X509Certificate2 certificate, ECDsa key) => new(certificate.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
}
