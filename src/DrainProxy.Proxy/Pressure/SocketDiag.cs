using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Pressure;

/// <summary>A listening socket's queue of connections that wait for accept.</summary>
/// <param name="Port">Its port.</param>
/// <param name="Waiting">How many wait.</param>
/// <param name="Limit">How many may wait; beyond that the kernel drops.</param>
internal readonly record struct ListenQueue(int Port, int Waiting, int Limit);

/// <summary>Takes one socket.</summary>
internal delegate void SocketAction(in SocketRow row);

/// <summary>
/// Asks the kernel for the sockets of this network namespace (netlink, sock_diag(7)): listeners in some microseconds however many connections there are, where /proc/net/tcp walks through all
/// of them and writes each as a line of text; and it alone tells the length at which a queue overflows. No capability is needed. One caller at a time.
/// </summary>
internal sealed partial class SocketDiag : IDisposable
{
    private const int Netlink = 16;
    private const int RawCloseOnExec = 3 | 0x80000;
    private const int SockDiag = 4;
    private const int HeaderLength = 16;
    private const int RequestLength = HeaderLength + 56;
    private const int MessageLength = HeaderLength + 72;
    private const int DontWait = 0x40;
    private const ushort SockDiagByFamily = 20;
    private const ushort Done = 3;
    private const ushort Error = 2;
    private const ushort Request = 0x1;
    private const ushort RequestDump = 0x301;
    private const int NoSuchSocket = -2;
    private const byte Inet = 2;
    private const byte Inet6 = 10;
    private const byte Tcp = 6;
    private const uint ListenState = 1 << 10;

    /// <summary>All but the state that marks a request socket inside the kernel, whose requests are told as SYN_RECV.</summary>
    private const uint EveryState = 0xFFF;

    private readonly byte[] buffer = new byte[32 * 1024];
    private readonly List<ListenQueue> queues = [];
    private int socket;

    private SocketDiag(int socket) => this.socket = socket;

    /// <summary>Null where the kernel, or what stands before it (seccomp, gVisor), does not let us ask.</summary>
    public static SocketDiag? Open()
    {
        if (!OperatingSystem.IsLinux()) return null;
        var socket = OpenSocket(Netlink, RawCloseOnExec, SockDiag);
        if (socket < 0) return null;
        var diag = new SocketDiag(socket);
        if (diag.Listeners() is not null) return diag;
        diag.Dispose();
        return null;
    }

    /// <summary>The listening sockets; the list is used again by the next call. Null when the kernel does not answer.</summary>
    public IReadOnlyList<ListenQueue>? Listeners()
    {
        queues.Clear();
        return Dump(Inet, ListenState, null) && Dump(Inet6, ListenState, null) ? queues : null;
    }

    /// <summary>Hands on all TCP sockets, of IPv4 and IPv6, as /proc/net/tcp and tcp6 show them; false when the kernel does not answer to the end.</summary>
    public bool EachSocket(SocketAction take) => Dump(Inet, EveryState, take) && Dump(Inet6, EveryState, take);

    /// <summary>
    /// The inode of the socket at one end of an established connection, found by its four numbers and not among all others; 0 when there is none, or nobody has accepted it yet. Null when
    /// the kernel does not answer.
    /// </summary>
    /// <param name="end">The address of the socket that is looked for.</param>
    /// <param name="peer">The other end's.</param>
    public long? InodeOf(IPEndPoint end, IPEndPoint peer)
    {
        Span<byte> request = stackalloc byte[RequestLength];
        var isV4 = end.Address.AddressFamily == AddressFamily.InterNetwork;
        Begin(request, isV4 ? Inet : Inet6, Request, 1 << (int)TcpState.Established);
        // inet_diag_sockid: both ports and addresses in network order, the interface, and a cookie of which all bits say "any".
        var id = request[(HeaderLength + 8)..];
        BinaryPrimitives.WriteUInt16BigEndian(id, (ushort)end.Port);
        BinaryPrimitives.WriteUInt16BigEndian(id[2..], (ushort)peer.Port);
        if (!end.Address.TryWriteBytes(id[4..20], out _) || !peer.Address.TryWriteBytes(id[20..36], out _)) return null;
        id[40..48].Fill(0xFF);
        if (socket < 0 || Send(socket, request, RequestLength, 0) != RequestLength) return null;
        var received = (int)Receive(socket, buffer, buffer.Length, DontWait);
        if (received < HeaderLength) return null;
        var answer = buffer.AsSpan(0, received);
        var type = MemoryMarshal.Read<ushort>(answer[4..]);
        if (type == Error && received >= HeaderLength + 4) return MemoryMarshal.Read<int>(answer[HeaderLength..]) == NoSuchSocket ? 0 : null;
        if (type != SockDiagByFamily || received < MessageLength) return null;
        var body = answer[HeaderLength..];
        // Where there is no such connection, a listener of that port is what the kernel finds.
        return body[1] == (byte)TcpState.Established && body[4..8].SequenceEqual(id[..4]) ? MemoryMarshal.Read<uint>(body[68..]) : 0;
    }

    public void Dispose()
    {
        if (socket >= 0) _ = Close(socket);
        socket = -1;
    }

    private bool Dump(byte family, uint states, SocketAction? take)
    {
        Span<byte> request = stackalloc byte[RequestLength];
        Begin(request, family, RequestDump, states);
        if (socket < 0 || Send(socket, request, RequestLength, 0) != RequestLength) return false;
        while (true)
        {
            var received = (int)Receive(socket, buffer, buffer.Length, DontWait);
            if (received < HeaderLength) return false;
            if (Take(buffer.AsSpan(0, received), take) is { } ended) return ended;
        }
    }

    /// <summary>An nlmsghdr and the first fields of an inet_diag_req_v2; the rest is 0.</summary>
    private static void Begin(Span<byte> request, byte family, ushort flags, uint states)
    {
        request.Clear();
        MemoryMarshal.Write(request, RequestLength);
        MemoryMarshal.Write(request[4..], SockDiagByFamily);
        MemoryMarshal.Write(request[6..], flags);
        request[HeaderLength] = family;
        request[HeaderLength + 1] = Tcp;
        MemoryMarshal.Write(request[(HeaderLength + 4)..], states);
    }

    /// <summary>Reads the messages of one datagram; null when more are to come, false when the kernel refuses.</summary>
    private bool? Take(ReadOnlySpan<byte> messages, SocketAction? take)
    {
        while (messages.Length >= HeaderLength)
        {
            var length = MemoryMarshal.Read<int>(messages);
            var type = MemoryMarshal.Read<ushort>(messages[4..]);
            if (type == Done) return true;
            if (type == Error || length < HeaderLength || length > messages.Length) return false;
            if (type == SockDiagByFamily && length >= MessageLength)
            {
                var body = messages[HeaderLength..];
                // inet_diag_msg: family, state, timer, retrans; the local and the remote port in network order; …; expires, rqueue, wqueue (which is the limit for listeners), uid, inode.
                var port = BinaryPrimitives.ReadUInt16BigEndian(body[4..]);
                if (take is null) queues.Add(new(port, MemoryMarshal.Read<int>(body[56..]), MemoryMarshal.Read<int>(body[60..])));
                else take(new(port, BinaryPrimitives.ReadUInt16BigEndian(body[6..]), State(body[1]), MemoryMarshal.Read<uint>(body[68..])));
            }

            messages = messages[Math.Min(messages.Length, (length + 3) & ~3)..];
        }

        return null;
    }

    private static TcpState State(byte number) => number is > 0 and <= (byte)TcpState.Closing ? (TcpState)number : TcpState.Unknown;

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int OpenSocket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int socket, ReadOnlySpan<byte> data, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int socket, Span<byte> data, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int socket);
}
