using System.Net;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Hosts that are this machine without asking anybody.</summary>
internal static class Loopback
{
    /// <param name="host">A name or an address; an IPv6 one with or without its brackets.</param>
    public static bool Is(string host) => host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.AsSpan().Trim("[]"), out var address) && IPAddress.IsLoopback(address));
}
