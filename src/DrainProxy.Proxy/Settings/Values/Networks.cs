using System.Net;
using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Networks whose peers are believed: addresses, CIDR blocks, and a word for those that are not routed in public.</summary>
internal static class Networks
{
    public const string Forms = "an address, a network as 10.0.0.0/8 or fd00::/8, private (all that are not routed in public, loopback included), or none";

    /// <summary>RFC 1918, 6598 (shared), 3927 and 4291 (link-local), 4193 (unique local), and loopback.</summary>
    private static readonly IPNetwork[] Private =
    [
        .. ((string[])["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7", "fe80::/10"])
            .Select(IPNetwork.Parse),
    ];

    /// <summary>
    /// Where nothing is set: a named load balancer is there, and reaches pods from a private address; without one, every peer is a client
    /// whose word counts nothing.
    /// </summary>
    public static IReadOnlyList<IPNetwork> Default(LoadBalancer lb) => lb is LoadBalancer.None or LoadBalancer.Auto ? [] : Private;

    /// <summary>Adds what a value names; null, or what is wrong.</summary>
    public static string? Parse(string text, List<IPNetwork> networks)
    {
        if (text == "none") return null;
        if (text == "private")
        {
            networks.AddRange(Private);
            return null;
        }

        if (IPAddress.TryParse(text, out var address))
        {
            networks.Add(new IPNetwork(address, address.GetAddressBytes().Length * 8));
            return null;
        }

        if (!text.Contains('/')) return "not an address, a network or a word known here";
        if (!IPNetwork.TryParse(text, out var network)) return "not a network; the bits behind its prefix must be zero";
        networks.Add(network);
        return null;
    }
}
