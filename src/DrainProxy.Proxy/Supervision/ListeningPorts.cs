using System.Globalization;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Which process listens where: from the tables of the kernel, joined by the sockets' inodes (Linux).</summary>
internal static class ListeningPorts
{
    /// <summary>The TCP ports on which a process of the group listens, ascending; none where /proc does not tell.</summary>
    public static IReadOnlyList<int> OfGroup(int group)
    {
        var ports = PortsByInode();
        return [.. Processes().Where(id => GroupOf(id) == group).SelectMany(SocketsOf).Where(ports.ContainsKey).Select(i => ports[i]).Distinct().Order()];
    }

    private static Dictionary<long, int> PortsByInode()
    {
        var ports = new Dictionary<long, int>();
        foreach (var table in (string[])["/proc/self/net/tcp", "/proc/self/net/tcp6"])
        {
            foreach (var (port, inode) in ProcessText.Listeners(Read(() => File.ReadAllLines(table)) ?? [])) ports[inode] = port;
        }

        return ports;
    }

    internal static IEnumerable<int> Processes() => (Read(() => Directory.GetDirectories("/proc")) ?? [])
        .Select(d => int.TryParse(Path.GetFileName(d), CultureInfo.InvariantCulture, out var id) ? id : 0).Where(id => id > 0);

    private static int GroupOf(int id) => KernelFile.Line($"/proc/{id}/stat") is { } text && ProcessText.Stat(text) is { } stat ? stat.Group : 0;

    internal static IEnumerable<long> SocketsOf(int id)
    {
        foreach (var descriptor in Read(() => Directory.GetFiles($"/proc/{id}/fd")) ?? [])
        {
            var target = Read(() => new FileInfo(descriptor).LinkTarget);
            if (target is not null && target.StartsWith("socket:[", StringComparison.Ordinal)
                && long.TryParse(target.AsSpan(8, target.Length - 9), CultureInfo.InvariantCulture, out var inode)) yield return inode;
        }
    }

    /// <summary>Its descriptors are not for us to look at: another user's process.</summary>
    internal static bool IsHidden(int id)
    {
        try
        {
            using var descriptors = Directory.EnumerateFileSystemEntries($"/proc/{id}/fd").GetEnumerator();
            _ = descriptors.MoveNext();
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return true;
        }
        catch (IOException)
        {
            // Gone.
            return false;
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
