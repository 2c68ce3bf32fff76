using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>A connection to the app below its dialogue: the socket itself, or TLS on it.</summary>
internal interface IAppConnection
{
    ValueTask<int> Receive(Memory<byte> buffer, CancellationToken cancel);

    ValueTask Send(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
}

/// <summary>
/// What is said on one HTTP/1.1 connection to the app, seen where the bytes are: mends what SocketsHttpHandler cannot send or show. Request
/// lines go as they came; interim answers are handed on; an answer of HTTP/1.0 says `close`; an answer that the app gave before it had read
/// the whole request, and then closed, is there to be read although the write fails; and one that refuses while the body is still on its
/// way is read at once (RFC 9112 section 9.3). Any answer that comes before the body was sent is the last of its connection: the app may take
/// the rest of the body for a next request, whose answer would go to another client. An end in the place of an answer is told as an error: on
/// a quiet end the handler sends a request without content again by itself, up to three times, outside our budget and unseen
/// (HttpConnection.SendAsync of .NET 10, exactly then).
/// </summary>
/// <remarks>The handler writes from one place at a time and reads from one place at a time; both may be at once.</remarks>
internal sealed class AppDialogue(IAppConnection connection, UpstreamPool pool)
{
    /// <summary>Beyond this length a refusal waits for the end of the body, in bytes: the handler has to be told of every byte that is not sent.</summary>
    public const long LongestBodyEndedEarly = 1L << 40;

    private const int EarlyBytes = 8 * 1024;

    /// <summary>The exchange whose head SocketsHttpHandler is writing on this thread; taken by the first write that follows.</summary>
    [ThreadStatic]
    private static Exchange? sending;

    private readonly Lock gate = new();
    private Exchange? exchange;
    private int turn;
    private AnswerHead head;
    private bool awaitsHead;
    private bool broken;
    private ArrayBufferWriter<byte>? interim;
    private volatile Body body;
    private Reader reader;
    private CancellationTokenSource? stop;
    private TaskCompletionSource? refused;
    private Task? watching;
    private byte[]? early;
    private int earlyFrom;
    private int earlyTo;

    private enum Body
    {
        None,

        /// <summary>The head has gone alone (`Expect`): the app has still to say whether it wants the content.</summary>
        Announced,
        Sending,
        Sent,

        /// <summary>The app has refused before it was sent; no byte goes to this app any more.</summary>
        Abandoned,
    }

    private enum Reader
    {
        None,
        Handler,
        Watch,
    }

    /// <summary>A write has failed.</summary>
    public bool IsBroken => broken;

    /// <summary>
    /// Told by the handler's header encoding selector, which runs between the choice of a connection and the first write to it, on the
    /// thread that writes: the only place where the handler shows which request goes where.
    /// </summary>
    public static void Sends(HttpRequestMessage request) => sending = (request.RequestUri as ExchangeUri)?.Exchange;

    public ValueTask Write(ReadOnlyMemory<byte> bytes)
    {
        if (sending is { } sender) bytes = Begin(sender, bytes);
        if (broken || body == Body.Abandoned) return ValueTask.CompletedTask;
        var write = connection.Send(bytes, stop?.Token ?? CancellationToken.None);
        return write.IsCompletedSuccessfully ? write : WriteUnlessAnswered(write);
    }

    public ValueTask<int> Read(Memory<byte> buffer, CancellationToken cancel)
    {
        lock (gate)
        {
            if (watching is not null) return ReadAfterWatch(buffer, cancel);
            reader = Reader.Handler;
        }

        var room = awaitsHead && buffer.Length > 2 * OldAnswer.Field.Length ? buffer[..^OldAnswer.Field.Length] : buffer;
        var read = connection.Receive(room, cancel);
        // The handler reads ahead on a pooled connection: a read that was begun before the request was sent brings the head of its answer.
        return read.IsCompletedSuccessfully ? new(HasRead(buffer, read.Result)) : ReadLater(read, buffer);
    }

    /// <summary>The first bytes of the request's content are about to be sent.</summary>
    public void BodyBegins()
    {
        if (exchange!.Http.Request.ContentLength is > LongestBodyEndedEarly) return;
        lock (gate)
        {
            if (body is not (Body.None or Body.Announced)) return;
            (body, stop) = (Body.Sending, stop ?? new());
        }
    }

    /// <summary>What is written next is the last of the content: no answer is early any more.</summary>
    public void BodySent()
    {
        lock (gate)
        {
            if (body == Body.Sending) body = Body.Sent;
        }
    }

    /// <summary>
    /// Completes when the app refuses while the content is being sent: its answer then waits to be read and is the last of the connection,
    /// and what is written from then on goes nowhere. Looks at what comes, where the handler does not.
    /// </summary>
    public Task WhenRefused()
    {
        lock (gate)
        {
            refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (body == Body.Abandoned) refused.SetResult();
            WatchUnlessRead();
            return refused.Task;
        }
    }

    /// <summary>Ends a write that the app does not take.</summary>
    public void StopSending() => stop?.Cancel();

    /// <summary>Whoever holds the gate.</summary>
    private void WatchUnlessRead()
    {
        if (body != Body.Sending || reader != Reader.None || watching is not null) return;
        reader = Reader.Watch;
        watching = Watch();
    }

    private ReadOnlyMemory<byte> Begin(Exchange sender, ReadOnlyMemory<byte> bytes)
    {
        sending = null;
        // Left behind by a request that went over HTTP/2 or to another app.
        if (!ReferenceEquals(sender.Target.Pool, pool)) return bytes;
        var method = sender.HasOddHead ? RequestLine.Placeholder.Method : sender.Http.Request.Method;
        if (!StartsWith(bytes.Span, method) && !StartsWith(bytes.Span, method = sender.Http.Request.Method)) return bytes;
        // Its answer said `close`; should the handler use it all the same, nothing is sent into the middle of another request.
        if (body == Body.Abandoned) throw new IOException("a request was left unfinished on this connection");
        (sender.IsWatched, sender.OnUsedConnection, sender.Dialogue) = (true, exchange is not null, this);
        (exchange, turn, head, interim, awaitsHead, body, refused) = (sender, sender.Turn, default, null, true, Body.None, null);
        if (sender is { BodyBegun: true, BodyPassed: false }) BodyBegins();
        else if (sender is { HasContent: true, BodyBegun: false }) body = Body.Announced;
        return sender.HasOddHead ? RequestLine.Restore(bytes, sender) : bytes;
    }

    private static bool StartsWith(ReadOnlySpan<byte> bytes, string method) =>
        bytes.Length > method.Length && bytes[method.Length] == ' ' && Ascii.EqualsIgnoreCase(bytes[..method.Length], method);

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<int> ReadLater(ValueTask<int> read, Memory<byte> buffer)
    {
        var count = await read;
        return HasRead(buffer, count);
    }

    private int HasRead(Memory<byte> buffer, int count)
    {
        if (buffer.Length > 0) count = Look(buffer.Span, count);
        lock (gate)
        {
            reader = Reader.None;
            // Only a part of the head, which the handler does not follow up while it sends.
            if (refused is not null && awaitsHead && count > 0) WatchUnlessRead();
        }

        return count;
    }

    /// <summary>Looks at bytes on their way to the handler, which have room behind them. Returns how many count then.</summary>
    private int Look(Span<byte> buffer, int count)
    {
        if (!awaitsHead) return count;
        // What the handler itself says of it, in a form on which it does not send again.
        if (count == 0) throw new HttpIOException(HttpRequestError.ResponseEnded, "The connection ended without an answer.");
        var ours = exchange!.Turn == turn;
        if (ours) exchange.AnswerBegun = true;
        var at = 0;
        while (at < count)
        {
            var (from, isNew) = (at, head.IsNew);
            var ended = head.Add(buffer[at..count], out var used);
            at += used;
            if (head.IsInterim)
            {
                if (!ended || interim is not null) (interim ??= new()).Write(buffer[from..at]);
                if (!ended) return count;
                exchange.Relay(turn, interim is null ? buffer[from..(at - 2)] : interim.WrittenSpan);
                (head, interim) = (default, null);
                continue;
            }

            if (head.HasNul && ours) exchange.HasNulInHead = true;
            if (isNew) FieldBlanks.Mend(buffer[from..at]);
            if (isNew) (count, at) = Shift(OldAnswer.SayClose(buffer[from..], count - from) + from, count, at);
            if (!ended) return count;
            awaitsHead = false;
            return body is Body.Sending or Body.Announced && head.Status != 101 ? EndsEarly(buffer, count, from, at) : count;
        }

        return count;

        static (int Count, int At) Shift(int now, int before, int at) => (now, at + now - before);
    }

    /// <summary>
    /// The app has answered before it has the content: the connection ends with this answer. One that refuses will not change its mind, and
    /// the rest is not for it. Needs room for the `close`.
    /// </summary>
    private int EndsEarly(Span<byte> buffer, int count, int from, int end)
    {
        // A LF that came alone may have its CR in the piece before.
        if (end - from < 2) return count;
        var line = buffer[end - 2] == '\r' ? end - 2 : end - 1;
        var field = OldAnswer.Field;
        if (count + field.Length > buffer.Length) return count;
        lock (gate)
        {
            if (body is not (Body.Sending or Body.Announced)) return count;
            if (head.Status is >= 400 and < 600) body = Body.Abandoned;
        }

        buffer[line..count].CopyTo(buffer[(line + field.Length)..]);
        field.CopyTo(buffer[line..]);
        if (body == Body.Abandoned) refused?.TrySetResult();
        return count + field.Length;
    }

    /// <summary>Reads while the handler only writes; what it reads, the handler gets with its next read.</summary>
    private async Task Watch()
    {
        try
        {
            do
            {
                await connection.Receive(Memory<byte>.Empty, CancellationToken.None);
                if (body != Body.Sending) return;
                early ??= ArrayPool<byte>.Shared.Rent(EarlyBytes);
                var room = early.AsMemory(earlyTo, Math.Max(0, early.Length - earlyTo - OldAnswer.Field.Length));
                var count = room.IsEmpty ? 0 : await connection.Receive(room, CancellationToken.None);
                // The read that follows finds the end, too.
                if (count == 0) return;
                earlyTo += Look(early.AsSpan(earlyTo), count);
            }
            while (awaitsHead);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The read that follows fails for the same reason.
        }
        finally
        {
            lock (gate) reader = Reader.None;
        }
    }

    private async ValueTask<int> ReadAfterWatch(Memory<byte> buffer, CancellationToken cancel)
    {
        await watching!;
        if (earlyTo > earlyFrom)
        {
            var count = Math.Min(buffer.Length, earlyTo - earlyFrom);
            early.AsSpan(earlyFrom, count).CopyTo(buffer.Span);
            earlyFrom += count;
            if (earlyFrom < earlyTo) return count;
            ArrayPool<byte>.Shared.Return(early!);
            (early, earlyFrom, earlyTo) = (null, 0, 0);
            lock (gate) watching = null;
            return count;
        }

        lock (gate) watching = null;
        return await Read(buffer, cancel);
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
        catch (OperationCanceledException) when (body == Body.Abandoned)
        {
            // The app had no room for what it does not want.
        }
    }
}
