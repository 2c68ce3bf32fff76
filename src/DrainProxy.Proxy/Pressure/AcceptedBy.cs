using System.Globalization;
using System.Text;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Supervision;

namespace DrainProxy.Proxy.Pressure;

/// <summary>Which process of the app has accepted one of our connections: from the kernel's table to the socket's inode, and on to who holds it. Takes a millisecond or more: for connections that live long.</summary>
internal static class AcceptedBy
{
    /// <param name="appPort">Where the app listens.</param>
    /// <param name="ourPort">Our end of the connection.</param>
    /// <param name="processes">The app's, as far as they are visible.</param>
    /// <returns>Its id; 0 where it cannot be told.</returns>
    public static int Find(int appPort, int ourPort, IReadOnlyList<int> processes)
    {
        if (processes.Count == 0) return 0;
        var inode = KernelFile.Lines("/proc/self/net/tcp").Concat(KernelFile.Lines("/proc/self/net/tcp6"))
            .Select(line => SocketRow.Parse(Encoding.ASCII.GetBytes(line)))
            .FirstOrDefault(row => row is { State: TcpState.Established } && row.Value.LocalPort == appPort && row.Value.RemotePort == ourPort)?.Inode ?? 0;
        return inode == 0 ? 0 : processes.FirstOrDefault(id => ListeningPorts.SocketsOf(id).Contains(inode));
    }

    /// <summary>The resident set of a process, in bytes (the second number of statm, in pages); 0 when it has gone. Takes some microseconds.</summary>
    public static long Resident(int id)
    {
        if (KernelFile.Line($"/proc/{id}/statm") is not { } text) return 0;
        var fields = text.Split(' ');
        return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out var pages) ? pages * Environment.SystemPageSize : 0;
    }
}
