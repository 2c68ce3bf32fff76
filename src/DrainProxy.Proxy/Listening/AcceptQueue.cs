using System.Globalization;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// How many connections the kernel has accepted for a port that the process has not taken yet: the receive queue of its listening
/// sockets in /proc/net/tcp and tcp6 (state 0A). Part of the evidence that traffic is gone.
/// </summary>
internal static class AcceptQueue
{
    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    /// <summary>Depth over all given ports; 0 where the kernel does not tell.</summary>
    public static int Depth(IReadOnlyCollection<int> ports)
    {
        var depth = 0;
        foreach (var table in Tables)
        {
            try
            {
                foreach (var line in File.ReadLines(table))
                {
                    if (Parse(line) is var (port, queued) && ports.Contains(port)) depth += queued;
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // No such table here (IPv6 off, not Linux): nothing to add.
            }
        }

        return depth;
    }

    /// <summary>Port and accept-queue depth of a listening socket's line; null for other states, the heading and short lines.</summary>
    internal static (int Port, int Queued)? Parse(string line)
    {
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 5 || fields[3] != "0A") return null;
        var local = fields[1];
        var queues = fields[4];
        var portAt = local.LastIndexOf(':') + 1;
        var receiveAt = queues.IndexOf(':') + 1;
        return portAt > 0 && receiveAt > 0
            && int.TryParse(local.AsSpan(portAt), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var port)
            && int.TryParse(queues.AsSpan(receiveAt), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var queued)
            ? (port, queued)
            : null;
    }
}
