using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Listening;

/// <summary>From a configured listen address to the end points that are bound.</summary>
internal static class ListenAddresses
{
    /// <summary>`localhost` binds both loopbacks where IPv6 is there; a name binds its first address.</summary>
    /// <exception cref="SocketException">The name does not resolve.</exception>
    public static IEnumerable<IPEndPoint> Resolve(ListenAddress listen)
    {
        if (IPAddress.TryParse(listen.Host, out var address)) return [new IPEndPoint(address, listen.Port)];
        if (listen.Host is "*") return [new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, listen.Port)];
        if (listen.Host is not "localhost") return [new IPEndPoint(Dns.GetHostAddresses(listen.Host)[0], listen.Port)];
        // A free port cannot be the same on two addresses without luck.
        return Socket.OSSupportsIPv6 && listen.Port != 0 && Ipv6LoopbackIsThere()
            ? [new IPEndPoint(IPAddress.Loopback, listen.Port), new IPEndPoint(IPAddress.IPv6Loopback, listen.Port)]
            : [new IPEndPoint(IPAddress.Loopback, listen.Port)];
    }

    private static bool Ipv6LoopbackIsThere()
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
