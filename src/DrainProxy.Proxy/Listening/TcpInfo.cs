using System.Buffers.Binary;
using System.Net.Sockets;

namespace DrainProxy.Proxy.Listening;

/// <summary>What the kernel knows of one TCP connection: parts of `struct tcp_info` (linux/tcp.h), whose fields never move.</summary>
/// <param name="State">TCP state as in /proc/net/tcp: 1 established, 8 the peer's FIN has come.</param>
/// <param name="BytesAcked">Bytes that the peer has acknowledged since the connection began.</param>
/// <param name="Outstanding">Bytes wait for the peer: sent and unacknowledged, or not sent for want of window.</param>
/// <param name="Unsent">Bytes wait because the peer has no room for them.</param>
/// <param name="Unacknowledged">
/// Bytes of ours that the peer has not acknowledged, sent or not; counted from totals, which a reset leaves standing when it empties the
/// queues. 0 where the kernel does not count what it sent (before Linux 4.19).
/// </param>
internal readonly record struct TcpInfo(int State, long BytesAcked, bool Outstanding, bool Unsent, long Unacknowledged)
{
    private const int IpProtoTcp = 6;
    private const int Option = 11;
    private const int UnackedAt = 24;
    private const int BytesAckedAt = 120;
    private const int NotSentAt = 144;
    private const int BytesSentAt = 200;
    private const int BytesRetransmittedAt = 208;
    private const int Enough = 148;
    private const int CountsSent = 216;

    /// <summary>The peer has ended its half, in good order.</summary>
    public bool PeerHalfClosed => State == 8;

    /// <summary>Null where there is nothing to tell: not TCP, not Linux, or the socket is gone.</summary>
    public static TcpInfo? Of(Socket? socket)
    {
        if (socket is null || !OperatingSystem.IsLinux()) return null;
        Span<byte> info = stackalloc byte[232];
        try
        {
            var length = socket.GetRawSocketOption(IpProtoTcp, Option, info);
            if (length < Enough) return null;
            var acked = BinaryPrimitives.ReadInt64LittleEndian(info[BytesAckedAt..]);
            var unsent = BinaryPrimitives.ReadUInt32LittleEndian(info[NotSentAt..]);
            // Retransmitted bytes count as sent each time. The acknowledgement of a FIN counts as a byte: never more than all are missing.
            var unacknowledged = length < CountsSent ? 0 : Math.Max(0, BinaryPrimitives.ReadInt64LittleEndian(info[BytesSentAt..])
                - BinaryPrimitives.ReadInt64LittleEndian(info[BytesRetransmittedAt..]) - acked) + unsent;
            return new(info[0], acked, BinaryPrimitives.ReadUInt32LittleEndian(info[UnackedAt..]) > 0 || unsent > 0, unsent > 0, unacknowledged);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }
}
