using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Proxy.Settings;

/// <summary>Listeners resolve, do not stand in each other's way, and none of them is the app itself.</summary>
internal static class ListenerRules
{
    private const string OneAddressEach = "an address and port of its own for each listener";

    /// <summary>Which option the data listeners came from.</summary>
    public static string DataOption(Binding bound) => bound.IsSet("map") ? "map" : "listen";

    public static void Check(Binding bound, ProxySettings settings, Func<string, IReadOnlyList<IPAddress>> resolve)
    {
        var data = DataOption(bound);
        var listeners = new List<Bound>();
        if (!bound.IsBad(data))
            listeners.AddRange(settings.Ports.Select(p => Lookup(bound, data, p.Listen, resolve)));
        if (!bound.IsBad("admin"))
            listeners.Add(Lookup(bound, "admin", settings.Admin, resolve));

        for (var i = 0; i < listeners.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (Collide(listeners[j], listeners[i]))
                    OneAddress(bound, listeners[j], listeners[i]);
            }
        }

        if (!bound.IsBad("app") && !bound.IsBad(data))
            AppIsNotUs(bound, settings, listeners);
        if (!bound.IsBad("memory-source"))
            MetricsAreNotOurs(bound, settings, listeners);
    }

    private static Bound Lookup(Binding bound, string option, ListenAddress listen, Func<string, IReadOnlyList<IPAddress>> resolve)
    {
        var addresses = Literal(listen.Host) ?? resolve(listen.Host);
        if (addresses.Count == 0)
            bound.Broken([option], listen.ToString(), $"the host {listen.Host} does not resolve", "an address of this machine, localhost, or a name that resolves to one");
        return new(option, listen, addresses);
    }

    private static void OneAddress(Binding bound, Bound one, Bound other)
    {
        var who = one.Option == other.Option ? $"of --{one.Option}" : $"(--{one.Option} and --{other.Option})";
        bound.Broken([one.Option, other.Option], $"{one.Listen} and {other.Listen}", $"two listeners {who} on one address", OneAddressEach);
    }

    /// <summary>Forwarding to a listener of our own is a loop that eats every descriptor there is.</summary>
    private static void AppIsNotUs(Binding bound, ProxySettings settings, List<Bound> listeners)
    {
        foreach (var app in settings.Ports.Select(p => p.App).Where(a => a.Scheme != AppScheme.Unix).Distinct())
        {
            if (Literal(app.Host) is not { } addresses)
                continue;
            var target = new Bound("app", new ListenAddress(app.Host, app.Port), addresses);
            if (listeners.Find(l => Collide(l, target)) is { } self)
            {
                bound.Broken(
                    bound.IsSet("map") ? ["map"] : ["app", self.Option],
                    app.ToString(),
                    $"the app's address is DrainProxy's own listener {self.Listen}",
                    "the app's own address, not one that DrainProxy listens on");
            }
        }
    }

    /// <summary>Asked through us, the app would never be quiet; asked of us, the figures would be ours.</summary>
    private static void MetricsAreNotOurs(Binding bound, ProxySettings settings, List<Bound> listeners)
    {
        if (settings.MemorySource.Metrics is not { } url || Literal(url.IdnHost) is not { } addresses)
            return;
        var target = new Bound("memory-source", new ListenAddress(url.IdnHost, url.Port), addresses);
        if (listeners.Find(l => Collide(l, target)) is { } self)
            bound.Broken(["memory-source", self.Option], url.ToString(), $"the address of the app's metrics is DrainProxy's own listener {self.Listen}", "the app's own address, not one that DrainProxy listens on");
    }

    private static IPAddress[]? Literal(string host)
    {
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return [IPAddress.Loopback, IPAddress.IPv6Loopback];
        return IPAddress.TryParse(host, out var ip) ? [ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip] : null;
    }

    // Port 0 takes a free one, which is never somebody's.
    private static bool Collide(Bound a, Bound b) =>
        a.Listen.Port == b.Listen.Port && a.Listen.Port != 0 && a.Addresses.Any(x => b.Addresses.Any(y => Overlap(x, y)));

    private static bool Overlap(IPAddress a, IPAddress b) =>
        a.Equals(b)
        // [::] takes IPv4 too.
        || a.Equals(IPAddress.IPv6Any) || b.Equals(IPAddress.IPv6Any)
        || (a.Equals(IPAddress.Any) && b.AddressFamily == AddressFamily.InterNetwork)
        || (b.Equals(IPAddress.Any) && a.AddressFamily == AddressFamily.InterNetwork);

    private sealed record Bound(string Option, ListenAddress Listen, IReadOnlyList<IPAddress> Addresses);
}
