using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Webhook.Certificates;

/// <summary>The entries of the webhook configuration: whom they call, and whom they trust.</summary>
internal sealed class WebhookEntries(JsonObject? configuration)
{
    private readonly List<JsonObject> entries = [.. configuration.Objects("webhooks")];

    public int Count => entries.Count;

    /// <summary>The names by which the API server calls: of a Service `NAME.NAMESPACE.svc`, of a URL its host.</summary>
    public List<string> Hosts => [.. entries.Select(HostOf).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    public int Trusting(string bundle) => entries.Count(e => BundleOf(e) == bundle);

    /// <summary>Puts the bundle into every entry and touches nothing else; the resourceVersion makes a change in between a conflict.</summary>
    public JsonObject Trust(string bundle)
    {
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(bundle));
        return new()
        {
            ["metadata"] = new JsonObject { ["resourceVersion"] = configuration.Object("metadata").Text("resourceVersion") },
            ["webhooks"] = new JsonArray([.. entries.Select(e => (JsonNode)new JsonObject
            {
                ["name"] = e.Text("name"),
                ["clientConfig"] = new JsonObject { ["caBundle"] = encoded },
            })]),
        };
    }

    /// <summary>Why the API server would not take this certificate; null when every entry trusts it.</summary>
    /// <param name="intermediates">What is served beside it.</param>
    public string? Distrust(X509Certificate2 leaf, IReadOnlyCollection<X509Certificate2> intermediates, DateTimeOffset now)
    {
        if (Count == 0) return "the webhook configuration has no entries, or is not there";
        foreach (var entry in entries)
        {
            var name = entry.Text("name");
            if (HostOf(entry) is not { } host) return $"entry {name} names neither a service nor a url";
            if (!Names(leaf, host)) return $"entry {name} calls {host}, which the certificate does not name";
            if (!Trusts(BundleOf(entry), leaf, intermediates, now)) return $"the caBundle of entry {name} does not trust the certificate that is served";
        }

        return null;
    }

    /// <summary>As Go looks at it, which the API server is written in: alternative names only, never the common name.</summary>
    public static bool Names(X509Certificate2 leaf, string host)
    {
        try
        {
            return leaf.MatchesHostname(host, allowWildcards: true, allowCommonName: false);
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    private static string? HostOf(JsonObject entry)
    {
        var client = entry.Object("clientConfig");
        if (client.Object("service") is { } service) return $"{service.Text("name")}.{service.Text("namespace")}.svc";
        return Uri.TryCreate(client.Text("url"), UriKind.Absolute, out var url) ? url.IdnHost : null;
    }

    private static string? BundleOf(JsonObject entry)
    {
        try
        {
            return entry.Object("clientConfig").Text("caBundle") is { Length: > 0 } bundle ? Encoding.UTF8.GetString(Convert.FromBase64String(bundle)) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static bool Trusts(string? bundle, X509Certificate2 leaf, IReadOnlyCollection<X509Certificate2> intermediates, DateTimeOffset now)
    {
        if (bundle is null) return false;
        try
        {
            using var chain = new X509Chain();
            chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            chain.ChainPolicy.CustomTrustStore.ImportFromPem(bundle);
            chain.ChainPolicy.ExtraStore.AddRange(intermediates.ToArray());
            chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
            chain.ChainPolicy.DisableCertificateDownloads = true;
            chain.ChainPolicy.VerificationTime = now.UtcDateTime;
            return chain.Build(leaf);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }
}
