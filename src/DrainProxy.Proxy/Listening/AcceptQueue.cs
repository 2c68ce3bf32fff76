using System.Globalization;
using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// How many connections the kernel has accepted for a port that the process has not taken yet: by sock_diag, else the receive queue of its listening
/// sockets in /proc/net/tcp and tcp6 (state 0A), which is a walk through all connections. Part of the evidence that traffic is gone.
/// </summary>
internal static class AcceptQueue
{
    private static readonly string[] Tables = ["/proc/net/tcp", "/proc/net/tcp6"];

    private static readonly Lazy<SocketDiag?> Kernel = new(SocketDiag.Open);

    /// <summary>Depth over all given ports; 0 where the kernel does not tell.</summary>
    public static int Depth(IReadOnlyCollection<int> ports) => ByDiag(ports) ?? ByTable(ports);

    private static int? ByDiag(IReadOnlyCollection<int> ports)
    {
        if (Kernel.Value is not { } kernel) return null;
        lock (kernel) return kernel.Listeners()?.Where(queue => ports.Contains(queue.Port)).Sum(queue => queue.Waiting);
    }

    /// <summary>The same from the tables, line by line.</summary>
    internal static int ByTable(IReadOnlyCollection<int> ports)
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
