using System.Globalization;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>Readers of what /proc tells of a process's memory, sockets and parent.</summary>
public static class ProcessText
{
    /// <summary>/proc/PID/status: what the process alone or with others has resident, in bytes; zombies and kernel threads have none.</summary>
    public static MemoryReading Status(ReadOnlySpan<byte> text)
    {
        long anon = 0, shmem = 0, file = 0, tables = 0;
        var lines = new KeyedText(text);
        while (lines.Next())
        {
            if (lines.Key.SequenceEqual("RssAnon"u8)) anon = lines.Value;
            else if (lines.Key.SequenceEqual("RssShmem"u8)) shmem = lines.Value;
            else if (lines.Key.SequenceEqual("RssFile"u8)) file = lines.Value;
            else if (lines.Key.SequenceEqual("VmPTE"u8)) tables = lines.Value;
        }

        return new(anon, shmem, tables, 0, file);
    }

    /// <summary>/proc/PID/smaps_rollup (Linux 4.14; its parts since 5.3): anonymous and shared memory with each page divided by how many processes map it, in bytes.</summary>
    public static long? ProportionalBytes(ReadOnlySpan<byte> text)
    {
        long? anon = null, shmem = null;
        var lines = new KeyedText(text);
        while (lines.Next())
        {
            if (lines.Key.SequenceEqual("Pss_Anon"u8)) anon = lines.Value;
            else if (lines.Key.SequenceEqual("Pss_Shmem"u8)) shmem = lines.Value;
        }

        return anon + shmem;
    }

    /// <summary>/proc/PID/stat: parent, process group and start (in clock ticks since boot), which tells two processes with one id apart.</summary>
    public static (int Parent, int Group, long Started)? Stat(string text)
    {
        // The name before the last bracket may hold blanks and brackets.
        var line = text.AsSpan(text.LastIndexOf(')') + 1).TrimEnd('\n');
        // The last range takes what is left.
        Span<Range> fields = stackalloc Range[21];
        return line.Split(fields, ' ', StringSplitOptions.RemoveEmptyEntries) > 19 && int.TryParse(line[fields[1]], CultureInfo.InvariantCulture, out var parent)
            && int.TryParse(line[fields[2]], CultureInfo.InvariantCulture, out var group)
            && long.TryParse(line[fields[19]], CultureInfo.InvariantCulture, out var started)
            ? (parent, group, started)
            : null;
    }

    /// <summary>/proc/net/tcp and tcp6: the inodes of the sockets that listen on a port.</summary>
    public static List<long> Listeners(IEnumerable<string> table, int port) => [.. Listeners(table).Where(l => l.Port == port).Select(l => l.Inode)];

    /// <summary>/proc/net/tcp and tcp6: ports and inodes of the sockets that listen.</summary>
    public static List<(int Port, long Inode)> Listeners(IEnumerable<string> table)
    {
        var found = new List<(int, long)>();
        foreach (var line in table)
        {
            // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 10 || fields[3] != "0A") continue;
            var at = fields[1].AsSpan(fields[1].LastIndexOf(':') + 1);
            if (int.TryParse(at, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var port)
                && long.TryParse(fields[9], CultureInfo.InvariantCulture, out var inode)) found.Add((port, inode));
        }

        return found;
    }

    /// <summary>/proc/net/unix: the inodes of the sockets that listen on a path.</summary>
    public static List<long> UnixListeners(IEnumerable<string> table, string path)
    {
        var inodes = new List<long>();
        foreach (var line in table)
        {
            // Num RefCount Protocol Flags Type St Inode Path; the flag 00010000 is "accepts connections".
            var fields = line.Split(' ', 8, StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length == 8 && fields[3] == "00010000" && fields[7] == path
                && long.TryParse(fields[6], CultureInfo.InvariantCulture, out var inode)) inodes.Add(inode);
        }

        return inodes;
    }
}
