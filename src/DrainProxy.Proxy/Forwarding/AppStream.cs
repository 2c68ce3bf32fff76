using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// The stream of one connection to the app. Counts who ended it, and lets an answer through that the app gave before it had read the
/// whole request and then closed: the write fails, but the answer's bytes are there to be read (RFC 9112 section 9.3). Mends what
/// SocketsHttpHandler cannot send or show: request lines as they came, interim answers.
/// </summary>
internal sealed class AppStream : NetworkStream
{
    /// <summary>The exchange whose head SocketsHttpHandler is writing on this thread; taken by the first write that follows.</summary>
    [ThreadStatic]
    private static Exchange? sending;

    private readonly ProxyCounters counters;
    private Exchange? exchange;
    private int turn;
    private bool awaitsHead;
    private bool broken;
    private int disposed;

    public AppStream(Socket socket, ProxyCounters counters)
        : base(socket, ownsSocket: true)
    {
        this.counters = counters;
        counters.ConnectionOpened(Side.Upstream);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (broken) return ValueTask.CompletedTask;
        if (sending is { } sender) buffer = Begin(sender, buffer);
        var write = base.WriteAsync(buffer, cancellationToken);
        return write.IsCompletedSuccessfully ? write : WriteUnlessAnswered(write);
    }

    /// <summary>
    /// Told by the handler's header encoding selector, which runs between the choice of a connection and the first write to it, on the
    /// thread that writes: the only place where the handler shows which request goes where.
    /// </summary>
    public static void Sends(HttpRequestMessage request) => sending = (request.RequestUri as ExchangeUri)?.Exchange;

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var room = awaitsHead && buffer.Length > 2 * OldAnswer.Field.Length ? buffer[..^OldAnswer.Field.Length] : buffer;
        var read = base.ReadAsync(room, cancellationToken);
        if (buffer.IsEmpty) return read;
        // The handler reads ahead on a pooled connection: a read that was begun before the request was sent brings the head of its answer.
        return read.IsCompletedSuccessfully ? new(Look(buffer.Span, read.Result)) : LookLater(read, buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref disposed, 1) == 0)
            counters.ConnectionClosed(Side.Upstream, PeerHasClosed() ? ClosedBy.Peer : ClosedBy.Us);
        base.Dispose(disposing);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> LookLater(ValueTask<int> read, Memory<byte> buffer)
    {
        var count = await read;
        return Look(buffer.Span, count);
    }

    private ReadOnlyMemory<byte> Begin(Exchange sender, ReadOnlyMemory<byte> head)
    {
        sending = null;
        var method = sender.HasOddHead ? RequestLine.Placeholder.Method : sender.Http.Request.Method;
        if (!StartsWith(head.Span, method) && !StartsWith(head.Span, method = sender.Http.Request.Method)) return head;
        (sender.IsWatched, sender.OnUsedConnection) = (true, exchange is not null);
        (exchange, turn, awaitsHead) = (sender, sender.Turn, true);
        return sender.HasOddHead ? RequestLine.Restore(head, sender.Http.Request.Method, sender.RawTarget, sender.AddsEmptyLength) : head;
    }

    private static bool StartsWith(ReadOnlySpan<byte> head, string method) =>
        head.Length > method.Length && head[method.Length] == ' ' && Ascii.EqualsIgnoreCase(head[..method.Length], method);

    /// <summary>
    /// Hands interim answers on, which SocketsHttpHandler drops (RFC 9110 section 15.2), and says `close` for an app that answers in HTTP/1.0.
    /// Returns how many bytes of the buffer count then.
    /// </summary>
    private int Look(Span<byte> buffer, int count)
    {
        if (!awaitsHead) return count;
        Look(buffer[..count]);
        return awaitsHead ? count : OldAnswer.SayClose(buffer, count);
    }

    private void Look(ReadOnlySpan<byte> bytes)
    {
        if (awaitsHead && !bytes.IsEmpty && exchange!.Turn == turn) exchange.AnswerBegun = true;
        while (awaitsHead && !bytes.IsEmpty)
        {
            if (!bytes.StartsWith("HTTP/1.1 1"u8) || bytes.StartsWith("HTTP/1.1 101"u8))
            {
                awaitsHead = false;
                if (exchange!.Turn == turn && HasNulInHead(bytes)) exchange.HasNulInHead = true;
                return;
            }

            var end = bytes.IndexOf("\r\n\r\n"u8);
            // One that comes in pieces is rare and may be dropped: it is a hint.
            if (end < 0) return;
            exchange!.Relay(turn, bytes[..(end + 2)]);
            bytes = bytes[(end + 4)..];
        }
    }

    /// <summary>
    /// The handler's number parser passes over NULs behind a number and keeps the number only. A head that comes in pieces is looked at as far as it
    /// has come: the length that is sent on is a clean one either way.
    /// </summary>
    internal static bool HasNulInHead(ReadOnlySpan<byte> bytes)
    {
        var nul = bytes.IndexOf((byte)0);
        if (nul < 0) return false;
        var before = bytes[..nul];
        return before.IndexOf("\n\r\n"u8) < 0 && before.IndexOf("\n\n"u8) < 0;
    }

    private async ValueTask WriteUnlessAnswered(ValueTask write)
    {
        try
        {
            await write;
        }
        catch (IOException)
        {
            // The read that follows decides: it finds the answer, or fails for the same reason.
            broken = true;
        }
    }

    private bool PeerHasClosed()
    {
        try
        {
            return broken || (Socket.Poll(0, SelectMode.SelectRead) && Socket.Available == 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
