using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DrainProxy.Kubernetes.Api;

/// <summary>
/// The folder that Kubernetes mounts into every pod: token, CA and namespace. The kubelet replaces the token long before it ends and the CA when
/// the cluster's changes, so both are looked at again.
/// </summary>
internal sealed class ServiceAccount(string folder, TimeProvider time)
{
    public const string DefaultFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>client-go looks at the token once a minute; the kubelet replaces it when a fifth of its hour is left.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);

    private readonly Lock gate = new();
    private string? token;
    private long tokenReadAt;
    private X509Certificate2Collection? authorities;
    private DateTime authoritiesStamp;

    /// <summary>The pod's namespace; null where the folder does not say.</summary>
    public string? Namespace => ReadOrNull("namespace")?.Trim();

    /// <summary>Read again after a minute, or when the last one was refused.</summary>
    /// <exception cref="IOException">There is no token.</exception>
    public string Token(bool refused = false)
    {
        lock (gate)
        {
            if (token is not null && !refused && time.GetElapsedTime(tokenReadAt) < LookEvery) return token;
            token = File.ReadAllText(Path.Combine(folder, "token")).Trim();
            tokenReadAt = time.GetTimestamp();
            return token;
        }
    }

    /// <summary>Only what the cluster's CA has signed, for the name that was called.</summary>
    public bool Trusts(X509Certificate? certificate, X509Chain? presented, SslPolicyErrors errors)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch) || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable)) return false;
        if (Authorities() is not { } roots) return false;
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        foreach (var element in presented?.ChainElements ?? Enumerable.Empty<X509ChainElement>()) chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        return chain.Build((X509Certificate2)certificate);
    }

    private X509Certificate2Collection? Authorities()
    {
        lock (gate)
        {
            try
            {
                var file = Path.Combine(folder, "ca.crt");
                var stamp = File.GetLastWriteTimeUtc(file);
                if (authorities is not null && stamp == authoritiesStamp) return authorities;
                var read = new X509Certificate2Collection();
                read.ImportFromPemFile(file);
                (authorities, authoritiesStamp) = (read, stamp);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                // In the middle of being replaced: the last one that could be read.
            }

            return authorities;
        }
    }

    private string? ReadOrNull(string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(folder, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
