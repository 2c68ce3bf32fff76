using System.Globalization;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Which process listens where: from the tables of the kernel, joined by the sockets' inodes (Linux).</summary>
internal static class ListeningPorts
{
    private const string Listening = "0A";

    /// <summary>The TCP ports on which a process of the group listens, ascending; none where /proc does not tell.</summary>
    public static IReadOnlyList<int> OfGroup(int group)
    {
        var ports = PortsByInode();
        return [.. Processes().Where(id => GroupOf(id) == group).SelectMany(SocketsOf).Where(ports.ContainsKey).Select(i => ports[i]).Distinct().Order()];
    }

    /// <summary>The process that listens on a port, the one with the lowest id where several share it; null when none is seen.</summary>
    public static int? OwnerOf(int port)
    {
        var inodes = PortsByInode().Where(p => p.Value == port).Select(p => p.Key).ToHashSet();
        return Processes().Order().Where(id => SocketsOf(id).Any(inodes.Contains)).Select(id => (int?)id).FirstOrDefault();
    }

    private static Dictionary<long, int> PortsByInode()
    {
        var ports = new Dictionary<long, int>();
        foreach (var table in (string[])["/proc/self/net/tcp", "/proc/self/net/tcp6"])
        {
            foreach (var line in Read(() => File.ReadAllLines(table)) ?? [])
            {
                // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length < 10 || fields[3] != Listening || !long.TryParse(fields[9], CultureInfo.InvariantCulture, out var inode)) continue;
                var port = fields[1].AsSpan(fields[1].LastIndexOf(':') + 1);
                if (int.TryParse(port, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var number)) ports[inode] = number;
            }
        }

        return ports;
    }

    internal static IEnumerable<int> Processes() => (Read(() => Directory.GetDirectories("/proc")) ?? [])
        .Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var id) ? id : 0).Where(id => id > 0);

    /// <summary>Field 5 of /proc/PID/stat; the name before it may hold blanks and brackets.</summary>
    private static int GroupOf(int id)
    {
        var stat = Read(() => File.ReadAllText($"/proc/{id}/stat")) ?? "";
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 2 && int.TryParse(fields[2], CultureInfo.InvariantCulture, out var group) ? group : 0;
    }

    internal static IEnumerable<long> SocketsOf(int id)
    {
        foreach (var descriptor in Read(() => Directory.GetFiles($"/proc/{id}/fd")) ?? [])
        {
            var target = Read(() => new FileInfo(descriptor).LinkTarget);
            if (target is not null && target.StartsWith("socket:[", StringComparison.Ordinal)
                && long.TryParse(target.AsSpan(8, target.Length - 9), CultureInfo.InvariantCulture, out var inode)) yield return inode;
        }
    }

    /// <summary>Processes come and go while one looks, and those of others are none of our business.</summary>
    private static T? Read<T>(Func<T?> read) where T : class
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
