using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Bench.Attacks;

/// <summary>Heads that never end (slowloris): a field line a second.</summary>
internal sealed class SlowHeaders(int count) : Attack("slow-headers", $"{count} connections, a field line a second, no end")
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private static readonly byte[] Begin = "GET / HTTP/1.1\r\nHost: bench\r\n"u8.ToArray();
    private static readonly byte[] Line = "X-Slow: 1\r\n"u8.ToArray();

    protected override Task Go(int port, Tally tally, CancellationToken cancel) =>
        Keep(port, count, tally, socket => SlowSender.Run(socket, Begin, Line, Step, tally, cancel), cancel);
}

/// <summary>Bodies a byte a second, far below the length that was promised.</summary>
internal sealed class SlowBodies(int count) : Attack("slow-bodies", $"{count} POSTs of 1 MB, a byte a second")
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);
    private static readonly byte[] Begin = "POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: 1000000\r\n\r\n"u8.ToArray();
    private static readonly byte[] Piece = "x"u8.ToArray();

    protected override Task Go(int port, Tally tally, CancellationToken cancel) =>
        Keep(port, count, tally, socket => SlowSender.Run(socket, Begin, Piece, Step, tally, cancel), cancel);
}

/// <summary>Large answers that are hardly read: 16 bytes a second.</summary>
internal sealed class SlowReaders(int count) : Attack("slow-readers", $"{count} GETs of 64 MB, 16 bytes a second read")
{
    /// <summary>The kernel doubles it; the rest of the answer has to stay with the peer.</summary>
    private const int Window = 2048;
    private const int Step = 16;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly byte[] Request = Encoding.ASCII.GetBytes($"GET {Load.HttpExchange.LargePath} HTTP/1.1\r\nHost: bench\r\n\r\n");

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            var buffer = new byte[Step];
            tally.Sent(socket.Send(Request));
            while (true)
            {
                await Wait(Interval, cancel);
                if (await socket.ReceiveAsync(buffer, cancel) == 0) return;
            }
        },
        cancel, Window);
}

/// <summary>TLS handshakes that never end: a ClientHello of 512 bytes, of which a byte comes each second.</summary>
internal sealed class SlowHandshakes(int count) : Attack("slow-handshakes", $"{count} connections, a byte of a ClientHello a second")
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    /// <summary>A record of type handshake, TLS 1.0 as all clients say, and a ClientHello of 508 bytes (RFC 8446 sections 4 and 5.1).</summary>
    private static readonly byte[] Begin = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];

    public override bool NeedsTls => true;

    protected override Task Go(int port, Tally tally, CancellationToken cancel) =>
        Keep(port, count, tally, socket => SlowSender.Run(socket, Begin, [0x5A], Step, tally, cancel), cancel);
}

internal static class SlowSender
{
    /// <summary>Sends a piece now and then until the peer ends the connection.</summary>
    public static async Task Run(Socket socket, byte[] begin, byte[] piece, TimeSpan step, Tally tally, CancellationToken cancel)
    {
        var buffer = new byte[512];
        tally.Sent(await socket.SendAsync(begin, cancel));
        while (true)
        {
            await Task.Delay(step, TimeProvider.System, cancel);
            if (socket.Poll(0, SelectMode.SelectRead) && await socket.ReceiveAsync(buffer, cancel) == 0) return;
            tally.Sent(await socket.SendAsync(piece, cancel));
        }
    }
}
