using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Cluster;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>
/// What the Secret holds: `ca.crt` (the newest CA first, then those still needed), `ca.key` (of the newest), `tls.crt` and `tls.key`. Anything that
/// is missing or no PEM counts as not there.
/// </summary>
internal sealed class CertificateSecret
{
    private readonly JsonObject? secret;

    public CertificateSecret(JsonObject? secret)
    {
        this.secret = secret;
        Authorities = [.. Certificates(Text("ca.crt"))];
        Authority = Pair("ca.crt", "ca.key") is { } pair && CanSign(pair) ? pair : null;
        Leaf = Pair("tls.crt", "tls.key");
    }

    public bool Exists => secret is not null;

    /// <summary>Newest first.</summary>
    public IReadOnlyList<X509Certificate2> Authorities { get; }

    /// <summary>The newest CA with its key.</summary>
    public PemPair? Authority { get; }

    public PemPair? Leaf { get; }

    /// <summary>What every entry of the webhook configuration is to trust.</summary>
    public string Bundle => string.Concat(Authorities.Select(a => a.ExportCertificatePem() + "\n"));

    public static Validity Times(string certificate)
    {
        using var read = X509Certificate2.CreateFromPem(certificate);
        return new(read.NotBefore.ToUniversalTime(), read.NotAfter.ToUniversalTime());
    }

    /// <summary>What the decision about the next step needs.</summary>
    public CertificateSight Sight(WebhookEntries entries, TimeSpan? trustedFor)
    {
        using var leaf = Leaf is null ? null : X509Certificate2.CreateFromPem(Leaf.Certificate);
        return new(
            Authority is null ? null : Times(Authority.Certificate), Math.Max(0, Authorities.Count - 1), Leaf is null ? null : Times(Leaf.Certificate),
            leaf is not null && Authorities.Count > 0 && leaf.IssuerName.RawData.AsSpan().SequenceEqual(Authorities[0].SubjectName.RawData),
            leaf is not null && entries.Hosts.TrueForAll(h => WebhookEntries.Names(leaf, h)), entries.Count, entries.Trusting(Bundle), trustedFor);
    }

    /// <summary>The Secret with a new CA in front of those that are still valid.</summary>
    public JsonObject WithAuthority(PemPair authority, DateTimeOffset now, ClusterNames names) => With(names, new()
    {
        ["ca.crt"] = authority.Certificate + string.Concat(Authorities.Where(a => a.NotAfter.ToUniversalTime() > now.UtcDateTime).Select(a => a.ExportCertificatePem() + "\n")),
        ["ca.key"] = authority.Key,
    });

    public JsonObject WithLeaf(PemPair leaf, ClusterNames names) => With(names, new() { ["tls.crt"] = leaf.Certificate, ["tls.key"] = leaf.Key });

    public JsonObject WithoutOldAuthorities(ClusterNames names) => With(names, new() { ["ca.crt"] = Authorities[0].ExportCertificatePem() + "\n" });

    private JsonObject With(ClusterNames names, Dictionary<string, string> values)
    {
        var changed = (JsonObject?)secret?.DeepClone() ?? new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = names.Secret, ["namespace"] = names.Namespace },
            ["type"] = "Opaque",
        };
        if (changed["data"] is not JsonObject data) changed["data"] = data = [];
        foreach (var (key, value) in values) data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value));
        return changed;
    }

    private string? Text(string key)
    {
        try
        {
            return secret.Object("data").Text(key) is { Length: > 0 } value ? Encoding.UTF8.GetString(Convert.FromBase64String(value)) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private PemPair? Pair(string certificate, string key)
    {
        if (Text(certificate) is not { } first || Text(key) is not { } second) return null;
        try
        {
            using var read = X509Certificate2.CreateFromPem(first, second);
            return new(first, second);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>One that somebody else has put there may be no CA, or have a key of another kind than ours.</summary>
    private static bool CanSign(PemPair pair)
    {
        using var read = X509Certificate2.CreateFromPem(pair.Certificate);
        using var key = read.GetECDsaPublicKey();
        return key is not null && read.Extensions.OfType<X509BasicConstraintsExtension>().Any(e => e.CertificateAuthority);
    }

    private static X509Certificate2Collection Certificates(string? bundle)
    {
        var read = new X509Certificate2Collection();
        try
        {
            if (bundle is not null) read.ImportFromPem(bundle);
        }
        catch (CryptographicException)
        {
            read.Clear();
        }

        return read;
    }
}
