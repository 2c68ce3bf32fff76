using System.Buffers.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>States of TCP sockets, by the numbers of the kernel (include/net/tcp_states.h).</summary>
public enum TcpState
{
    /// <summary>A number that is not in this list.</summary>
    Unknown = 0,

    /// <summary>Open.</summary>
    Established = 1,

    /// <summary>Connecting.</summary>
    SynSent = 2,

    /// <summary>Being connected to.</summary>
    SynRecv = 3,

    /// <summary>Closed by us, not yet acknowledged.</summary>
    FinWait1 = 4,

    /// <summary>Closed by us, the peer has not.</summary>
    FinWait2 = 5,

    /// <summary>Closed, its port still kept.</summary>
    TimeWait = 6,

    /// <summary>Not connected.</summary>
    Close = 7,

    /// <summary>Closed by the peer; the process has not closed it: many of them, for long, are a leak.</summary>
    CloseWait = 8,

    /// <summary>Closed by the peer, then by us, not yet acknowledged.</summary>
    LastAck = 9,

    /// <summary>Accepts connections.</summary>
    Listen = 10,

    /// <summary>Closed by both at once.</summary>
    Closing = 11,
}

/// <summary>Whose a socket is.</summary>
public enum SocketOwner
{
    /// <summary>The app's.</summary>
    App,

    /// <summary>Ours.</summary>
    DrainProxy,

    /// <summary>Of anybody else in the pod, or not to be told.</summary>
    Other,
}

/// <summary>One socket as /proc/net/tcp and tcp6 show it.</summary>
/// <param name="LocalPort">Its own port.</param>
/// <param name="RemotePort">The peer's; 0 for listeners.</param>
/// <param name="State">Its state.</param>
/// <param name="Inode">Its inode; 0 when no process holds it any more.</param>
public readonly record struct SocketRow(int LocalPort, int RemotePort, TcpState State, long Inode)
{
    /// <summary>Reads a line. Null for the heading and for what is cut off; a state that nobody knows is <see cref="TcpState.Unknown"/>.</summary>
    public static SocketRow? Parse(ReadOnlySpan<byte> line)
    {
        // sl local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode
        Next(ref line);
        if (Port(Next(ref line)) is not { } local || Port(Next(ref line)) is not { } remote) return null;
        var state = Next(ref line);
        if (!Utf8Parser.TryParse(state, out int number, out var length, 'x') || length != state.Length) return null;
        for (var skipped = 0; skipped < 5; skipped++) Next(ref line);
        if (!Utf8Parser.TryParse(Next(ref line), out long inode, out _)) return null;
        return new(local, remote, number is > 0 and <= (int)TcpState.Closing ? (TcpState)number : TcpState.Unknown, inode);
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> line)
    {
        line = line.TrimStart((byte)' ');
        var end = line.IndexOf((byte)' ');
        var field = end < 0 ? line : line[..end];
        line = end < 0 ? default : line[end..];
        return field;
    }

    private static int? Port(ReadOnlySpan<byte> address)
    {
        var colon = address.LastIndexOf((byte)':');
        return colon >= 0 && Utf8Parser.TryParse(address[(colon + 1)..], out int port, out var length, 'x') && length == address.Length - colon - 1 ? port : null;
    }
}

/// <summary>How many sockets there are by state and owner.</summary>
public sealed class SocketCounts
{
    private static readonly int States = Enum.GetValues<TcpState>().Length;
    private readonly int[] counts = new int[States * Enum.GetValues<SocketOwner>().Length];

    /// <summary>Counts one more.</summary>
    public void Add(TcpState state, SocketOwner owner) => counts[Index(state, owner)]++;

    /// <summary>How many there are.</summary>
    public int Of(TcpState state, SocketOwner owner) => counts[Index(state, owner)];

    private static int Index(TcpState state, SocketOwner owner) => ((int)owner * States) + (int)state;
}
