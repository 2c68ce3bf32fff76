using System.Globalization;
using System.Net;
using System.Net.Sockets;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Supervision;

namespace DrainProxy.Proxy.Pressure;

/// <summary>Both ends of a connection of ours to the app.</summary>
internal sealed record TcpEnds(IPEndPoint Ours, IPEndPoint App)
{
    /// <summary>Null for a Unix socket, and for one that is not connected any more.</summary>
    public static TcpEnds? Of(Socket socket)
    {
        try
        {
            return socket is { LocalEndPoint: IPEndPoint ours, RemoteEndPoint: IPEndPoint app } ? new(Plain(ours), Plain(app)) : null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>A socket for both families writes IPv4 as a part of IPv6; the kernel finds it as IPv4.</summary>
    private static IPEndPoint Plain(IPEndPoint end) => end.Address.IsIPv4MappedToIPv6 ? new(end.Address.MapToIPv4(), end.Port) : end;
}

/// <summary>
/// Which process of the app has accepted one of our connections: from its addresses to the inode of the app's end, and on to who holds that. For connections that live long: the first takes
/// microseconds however many connections there are (a look through the kernel's table where it does not answer), the second looks through the app's descriptors once it was accepted.
/// </summary>
internal sealed class AcceptedBy : IDisposable
{
    private readonly Lock gate = new();
    private readonly Lazy<SocketDiag?> diag = new(SocketDiag.Open);
    private readonly byte[] buffer = new byte[16 * 1024];

    /// <param name="ends">The connection.</param>
    /// <param name="processes">The app's, as far as they are visible; asked once somebody has accepted it, and for newer ones when none of them has.</param>
    /// <returns>Its id; 0 where it cannot be told.</returns>
    public int Find(TcpEnds ends, Func<bool, IReadOnlyList<int>> processes)
    {
        var inode = InodeOf(ends);
        if (inode == 0) return 0;
        var known = processes(false);
        var holder = Holder(known, inode);
        return holder == 0 && processes(true) is var newer && !ReferenceEquals(newer, known) ? Holder(newer, inode) : holder;
    }

    /// <summary>The resident set of a process, in bytes (the second number of statm, in pages); 0 when it has gone. Takes some microseconds.</summary>
    public static long Resident(int id)
    {
        if (KernelFile.Line($"/proc/{id}/statm") is not { } text) return 0;
        var fields = text.Split(' ');
        return fields.Length > 1 && long.TryParse(fields[1], CultureInfo.InvariantCulture, out var pages) ? pages * Environment.SystemPageSize : 0;
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (diag.IsValueCreated) diag.Value?.Dispose();
        }
    }

    private static int Holder(IReadOnlyList<int> processes, long inode) => processes.FirstOrDefault(id => ListeningPorts.SocketsOf(id).Contains(inode));

    private long InodeOf(TcpEnds ends)
    {
        lock (gate) return diag.Value?.InodeOf(ends.App, ends.Ours) ?? ByTable(ends);
    }

    private long ByTable(TcpEnds ends)
    {
        long inode = 0;
        foreach (var file in (ReadOnlySpan<string>)["/proc/self/net/tcp", "/proc/self/net/tcp6"])
        {
            KernelFile.EachLine(file, buffer, line =>
            {
                if (SocketRow.Parse(line) is { State: TcpState.Established } row && row.LocalPort == ends.App.Port && row.RemotePort == ends.Ours.Port) inode = row.Inode;
            });
            if (inode != 0) return inode;
        }

        return 0;
    }
}
