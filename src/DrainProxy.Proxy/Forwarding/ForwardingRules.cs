using System.Net;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What the settings say of fields that speak of the way a request has come.</summary>
internal sealed class ForwardingRules(ProxySettings settings)
{
    private readonly IReadOnlyList<IPNetwork> trusted = settings.TrustedProxies ?? Networks.Default(settings.Lb);

    /// <summary>`Via` is added to requests (RFC 9110 section 7.6.3).</summary>
    public bool Via { get; } = settings.Via;

    /// <summary>Fields that CGI-like servers confuse with others are dropped: names with an underscore, and `Proxy`.</summary>
    public bool DropUnsafeFields { get; } = settings.UnsafeFields == UnsafeFields.Drop;

    /// <summary>Whether X-Forwarded-* and Forwarded of this peer are kept and appended to; those of others are replaced.</summary>
    public bool Trusts(IPAddress? peer)
    {
        if (peer is null || trusted.Count == 0) return false;
        var address = peer.IsIPv4MappedToIPv6 ? peer.MapToIPv4() : peer;
        foreach (var network in trusted)
        {
            if (network.Contains(address)) return true;
        }

        return false;
    }
}
