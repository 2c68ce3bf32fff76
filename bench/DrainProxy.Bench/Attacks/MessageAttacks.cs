using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Bench.Attacks;

/// <summary>Requests that have to be refused, each on a connection of its own.</summary>
internal sealed class RefusedRequests(int perSecond)
    : RequestsApart("refused-requests", $"{perSecond} malformed requests a second, each on a new connection", perSecond,
        Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: bench\r\nContent-Length: +5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"));

/// <summary>Headers as large as are passed, and the largest number of fields.</summary>
internal sealed class BigHeaders(int perSecond)
    : RequestsApart("big-headers", $"{perSecond} headers of 60 KB in 900 fields a second, each on a new connection", perSecond, Make())
{
    private static byte[] Make()
    {
        var head = new StringBuilder("GET / HTTP/1.1\r\nHost: bench\r\n");
        for (var i = 0; i < 900; i++) head.Append($"X-Field-{i}: {new string('v', 48)}\r\n");
        return Encoding.ASCII.GetBytes(head.Append("\r\n").ToString());
    }
}

/// <summary>One request on each connection, at a given rate; its answer is waited for.</summary>
internal abstract class RequestsApart(string name, string what, int perSecond, byte[] request) : Attack(name, what)
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    protected override async Task Go(int port, Tally tally, CancellationToken cancel)
    {
        using var pace = new Pace(perSecond);
        while (true)
        {
            for (var due = await pace.Next(cancel); due > 0; due--) _ = One(port, tally, cancel);
        }
    }

    private async Task One(int port, Tally tally, CancellationToken cancel)
    {
        var buffer = new byte[4096];
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Longest);
        using var socket = NewSocket();
        try
        {
            await Connect(socket, port, limit.Token);
            tally.Opened();
            tally.Sent(await socket.SendAsync(request, limit.Token));
            if (await socket.ReceiveAsync(buffer, limit.Token) > 0) tally.Ended();
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // Reset, or no answer in time: what is judged is the good traffic beside it.
        }
    }
}

/// <summary>Bodies in chunks of one byte, many in each segment: work for whoever frames them.</summary>
internal sealed class TinyChunks(int count) : Attack("tiny-chunks", $"{count} bodies in chunks of one byte, 20,000 chunks a second in all")
{
    private const int PerSecond = 20_000;
    private static readonly byte[] Begin = "POST / HTTP/1.1\r\nHost: bench\r\nTransfer-Encoding: chunked\r\n\r\n"u8.ToArray();
    private static readonly byte[] Chunk = "1\r\nx\r\n"u8.ToArray();

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            using var pace = new Pace(PerSecond / count);
            var buffer = new byte[4096];
            tally.Sent(await socket.SendAsync(Begin, cancel));
            while (IsOpen(socket, buffer))
            {
                var due = await pace.Next(cancel);
                if (due > 0) tally.Sent(await socket.SendAsync(Repeated(Chunk, due), cancel));
            }
        },
        cancel);

    public static byte[] Repeated(byte[] bytes, int times)
    {
        var all = new byte[bytes.Length * times];
        for (var i = 0; i < times; i++) bytes.CopyTo(all, i * bytes.Length);
        return all;
    }
}

/// <summary>Requests sent in one go by a client that reads no answer.</summary>
internal sealed class UnreadPipelines(int count) : Attack("unread-pipelines", $"{count} connections, requests in batches of 100 ten times a second, nothing read")
{
    private const int Window = 2048;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] Batch = TinyChunks.Repeated("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"u8.ToArray(), 100);

    protected override Task Go(int port, Tally tally, CancellationToken cancel) => Keep(
        port, count, tally,
        async socket =>
        {
            while (true)
            {
                await Wait(Interval, cancel);
                tally.Sent(await socket.SendAsync(Batch, cancel));
            }
        },
        cancel, Window);
}
