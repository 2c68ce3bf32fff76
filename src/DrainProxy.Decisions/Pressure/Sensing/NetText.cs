using System.Globalization;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>TCP's troubles as the pod's network namespace counts them; 0 where a kernel does not tell.</summary>
/// <param name="ListenOverflows">Connections dropped because an accept queue was full.</param>
/// <param name="ListenDrops">Connections dropped by listeners for any reason.</param>
/// <param name="SynQueueFull">Connection attempts that met a full SYN queue (dropped, or answered by a cookie).</param>
/// <param name="MemoryPressures">Times that TCP came under memory pressure.</param>
/// <param name="AbortsOnMemory">Connections reset for want of memory.</param>
/// <param name="Retransmits">Segments sent again.</param>
public readonly record struct TcpTroubles(long ListenOverflows, long ListenDrops, long SynQueueFull, long MemoryPressures, long AbortsOnMemory, long Retransmits);

/// <summary>What belongs to the whole node although a pod sees it.</summary>
/// <param name="Orphans">Sockets that no process holds.</param>
/// <param name="Allocated">Sockets of all namespaces.</param>
/// <param name="MemoryPages">Memory of TCP in pages.</param>
public readonly record struct NodeSockets(long Orphans, long Allocated, long MemoryPages);

/// <summary>Readers of /proc/net/netstat, snmp and sockstat.</summary>
public static class NetText
{
    /// <summary>From the texts of netstat and snmp: pairs of lines, names above numbers.</summary>
    public static TcpTroubles Troubles(string netstat, string snmp)
    {
        var extended = Pair(netstat, "TcpExt:");
        var plain = Pair(snmp, "Tcp:");
        return new(
            extended.GetValueOrDefault("ListenOverflows"), extended.GetValueOrDefault("ListenDrops"),
            extended.GetValueOrDefault("TCPReqQFullDrop") + extended.GetValueOrDefault("TCPReqQFullDoCookies"),
            extended.GetValueOrDefault("TCPMemoryPressures"), extended.GetValueOrDefault("TCPAbortOnMemory"), plain.GetValueOrDefault("RetransSegs"));
    }

    /// <summary>From the text of sockstat: `TCP: inuse 5 orphan 0 tw 3 alloc 9 mem 2`. In use and waiting are the pod's and are counted elsewhere.</summary>
    public static NodeSockets Node(string sockstat)
    {
        var line = sockstat.Split('\n').FirstOrDefault(l => l.StartsWith("TCP:", StringComparison.Ordinal)) ?? "";
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new(After("orphan"), After("alloc"), After("mem"));

        long After(string name)
        {
            var at = Array.IndexOf(fields, name);
            return at >= 0 && at + 1 < fields.Length && long.TryParse(fields[at + 1], CultureInfo.InvariantCulture, out var value) ? value : 0;
        }
    }

    /// <summary>/proc/sys/net/ipv4/ip_local_port_range: how many ports outgoing connections can have; 0 when it is not told.</summary>
    public static int PortRange(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var low, var high]
        && int.TryParse(low, CultureInfo.InvariantCulture, out var from) && int.TryParse(high, CultureInfo.InvariantCulture, out var to) && to >= from
        ? to - from + 1
        : 0;

    private static Dictionary<string, long> Pair(string text, string head)
    {
        var values = new Dictionary<string, long>(StringComparer.Ordinal);
        var lines = text.Split('\n').Where(l => l.StartsWith(head, StringComparison.Ordinal)).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToList();
        if (lines.Count < 2) return values;
        for (var i = 1; i < Math.Min(lines[0].Length, lines[1].Length); i++)
            if (long.TryParse(lines[1][i], CultureInfo.InvariantCulture, out var value)) values[lines[0][i]] = value;
        return values;
    }
}
