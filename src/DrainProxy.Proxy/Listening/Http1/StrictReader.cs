using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DrainProxy.Decisions.Framing;

namespace DrainProxy.Proxy.Listening.Http1;

/// <summary>
/// Stands between the transport and Kestrel's HTTP/1.x parser and lets through whole, strictly framed messages only, one after the
/// other: Kestrel repairs or overlooks what a parser behind us might read otherwise (docs/http.md). A message that is refused becomes
/// one well-formed request of ours, so that answers keep their order and ours has the form of all our answers; nothing behind it is
/// looked at. Used by one connection, by one reader at a time.
/// </summary>
internal sealed class StrictReader(PipeReader inner, HeadLimits limits, TimeProvider time, TrackedConnection? connection = null) : PipeReader
{
    /// <summary>Empty lines before a request that are passed over (RFC 9112 section 2.2); more are refused.</summary>
    private const int MaxLeadingLines = 8;

    /// <summary>
    /// What Kestrel gets in place of a body's fault: not a chunk size, not the end of a chunk and not a field line, so that it refuses the
    /// body without taking the client for gone.
    /// </summary>
    private static readonly ReadOnlySequence<byte> Malformed = new("!\r\n\r\n"u8.ToArray());

    private static readonly ReadOnlySequence<byte> Substitute = new("GET / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"u8.ToArray());

    /// <summary>For a client that asked for no content and would take it for a next answer (RFC 9110 section 9.3.2).</summary>
    private static readonly ReadOnlySequence<byte> HeadSubstitute = new("HEAD / HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n"u8.ToArray());

    private static readonly ReadResult Ended = new(ReadOnlySequence<byte>.Empty, isCanceled: false, isCompleted: true);

    private ReadOnlySequence<byte> buffer;
    private Stage stage;
    private BodyFraming framing;
    private ChunkScanner chunks;
    private long bodyLeft;

    /// <summary>Bytes at the start of the buffer that are checked and that Kestrel has not consumed.</summary>
    private long approved;

    /// <summary>Of these, how many Kestrel has seen and wants more behind.</summary>
    private long seen;

    /// <summary>Empty lines at the start of the buffer, which Kestrel is not shown.</summary>
    private int skip;
    private int searched;
    private bool refusedHead;
    private bool substituted;
    private bool malformedShown;
    private volatile bool timedOut;
    private volatile bool mayRest;
    private long headSince;

    private enum Stage : byte
    {
        Head,
        Body,

        /// <summary>The message has been let through whole; the next one is not looked at before this one is consumed.</summary>
        Whole,

        /// <summary>A body that breaks off at a fault: Kestrel is shown a fault of the same kind, then the end.</summary>
        Broken,

        /// <summary>A head that Kestrel never sees; it gets the substitute.</summary>
        Refused,
        Tunnel,
    }

    /// <summary>What was wrong with the client's message, once something was.</summary>
    public FramingFault Fault { get; private set; }

    /// <summary>The request that Kestrel has been given is not the client's.</summary>
    public bool IsSubstitute => stage == Stage.Refused;

    /// <summary>Bytes pass as they are, by the protocol that the connection changed to.</summary>
    public bool IsTunnel => stage == Stage.Tunnel;

    /// <summary>The client may still be sending something that nobody will read: closing now could cost it the answer.</summary>
    public bool EndsEarly => stage is Stage.Refused or Stage.Broken or Stage.Body;

    /// <summary>Timestamp since which a part of a head waits for the rest; zero when none does.</summary>
    public long HeadSince => Volatile.Read(ref headSince);

    /// <summary>Kestrel has been told that the input has ended, so that it lets go of the connection; in truth nothing has come for a while.</summary>
    public bool Resting { get; private set; }

    /// <summary>The connection changes its protocol: bytes pass as they are from here on.</summary>
    public void Tunnel() => stage = Stage.Tunnel;

    /// <summary>Refuses the head that has not come in time; from the registry's tick.</summary>
    public void TimeOut()
    {
        timedOut = true;
        inner.CancelPendingRead();
    }

    /// <summary>Has the connection rest if nothing of a next request has come; from the registry's tick.</summary>
    public void LetRest()
    {
        mayRest = true;
        inner.CancelPendingRead();
    }

    /// <summary>While resting: waits for the next bytes, or the end.</summary>
    public ValueTask<ReadResult> Arrival() => inner.ReadAsync();

    /// <summary>Whether Kestrel is to look at what has arrived; otherwise the rest goes on, or the connection is over.</summary>
    public bool Wakes(in ReadResult arrival)
    {
        // Nothing is consumed or examined: Kestrel sees every byte.
        inner.AdvanceTo(arrival.Buffer.Start);
        if (arrival.Buffer.IsEmpty) return false;
        Resting = false;
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (Resting) return new(Ended);
        if (stage == Stage.Refused || malformedShown) return new(Refused());
        while (TryReadInner(out var raw))
        {
            if (Present(raw, out var result)) return new(result);
        }

        return Slow(cancellationToken);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (Resting)
        {
            result = Ended;
            return true;
        }

        if (stage == Stage.Refused || malformedShown)
        {
            result = Refused();
            return true;
        }

        while (TryReadInner(out var raw))
        {
            if (Present(raw, out result)) return true;
        }

        result = default;
        return false;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (Resting) return;
        if (malformedShown)
        {
            substituted = true;
            return;
        }

        if (stage == Stage.Refused)
        {
            if (!substituted) substituted = OwnRequest.Slice(consumed).IsEmpty;
            return;
        }

        if (stage != Stage.Tunnel)
        {
            approved -= buffer.Slice(buffer.Start, consumed).Length;
            seen = buffer.Slice(consumed, examined).Length;
            skip = 0;
            if (approved == 0 && stage == Stage.Whole) NextMessage();
            buffer = default;
        }

        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    /// <summary>The transport's reader stays open: what still arrives is read and dropped before the connection is closed (RFC 9112 section 9.6).</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    /// <summary>Reads and drops until the peer closes or <paramref name="cancel"/> says that it was long enough.</summary>
    public async Task Discard(CancellationToken cancel)
    {
        while (true)
        {
            var read = await inner.ReadAsync(cancel);
            inner.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted) return;
        }
    }

    /// <summary>Gives the reader behind back its memory, where nobody else does.</summary>
    public void CompleteInner() => inner.Complete();

    private ReadOnlySequence<byte> OwnRequest => refusedHead ? HeadSubstitute : Substitute;

    private bool TryReadInner(out ReadResult raw)
    {
        try
        {
            return inner.TryRead(out raw);
        }
        catch (Exception e) when (connection?.Fails(e) ?? false)
        {
            throw;
        }
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> Slow(CancellationToken cancel)
    {
        while (true)
        {
            ReadResult raw;
            try
            {
                raw = await inner.ReadAsync(cancel);
            }
            catch (Exception e) when (connection?.Fails(e) ?? false)
            {
                throw;
            }

            if (Present(raw, out var result)) return result;
        }
    }

    /// <summary>Looks at what has come; false when it says nothing new to Kestrel, and more is to be waited for.</summary>
    private bool Present(in ReadResult raw, out ReadResult result)
    {
        var ofTick = raw.IsCanceled && mayRest;
        if (ofTick && Rests(raw))
        {
            result = Ended;
            return true;
        }

        if (stage == Stage.Tunnel)
        {
            result = ofTick ? new(raw.Buffer, isCanceled: false, raw.IsCompleted) : raw;
            if (!ofTick || !raw.Buffer.IsEmpty || raw.IsCompleted) return true;
            inner.AdvanceTo(raw.Buffer.Start);
            return false;
        }

        buffer = raw.Buffer;
        var ofKestrel = raw.IsCanceled && !timedOut && !ofTick;
        Scan();
        if (stage == Stage.Refused)
        {
            inner.AdvanceTo(buffer.Start);
            buffer = default;
            result = Refused();
            return true;
        }

        if (stage == Stage.Broken && approved <= seen)
        {
            inner.AdvanceTo(buffer.Start);
            buffer = default;
            malformedShown = true;
            result = new(Malformed, isCanceled: false, isCompleted: false);
            return true;
        }

        // Kestrel is told of the end only when it has seen everything before it; it comes again for the end. Wanting more than the whole
        // message means that it frames the message otherwise than we do: better no answer than a wrong one.
        var anything = approved > seen;
        var ends = raw.IsCompleted || (stage == Stage.Whole && approved > 0);
        if (anything || ends || ofKestrel)
        {
            result = new(buffer.Slice(skip, approved - skip), ofKestrel, isCompleted: ends && !anything);
            return true;
        }

        inner.AdvanceTo(buffer.Start, buffer.End);
        buffer = default;
        result = default;
        return false;
    }

    /// <summary>The tick's question has come through: the rest begins only between two requests, with nothing of the next one here.</summary>
    private bool Rests(in ReadResult raw)
    {
        mayRest = false;
        if (stage != Stage.Head || timedOut || !raw.Buffer.IsEmpty || raw.IsCompleted) return false;
        inner.AdvanceTo(raw.Buffer.Start);
        Resting = true;
        return true;
    }

    private void Scan()
    {
        if (stage == Stage.Head && (timedOut ? FramingFault.SlowHeader : ScanHead()) is var refused and not FramingFault.None)
        {
            (Fault, stage) = (refused, Stage.Refused);
            var start = buffer.Slice(0, Math.Min(buffer.Length, 2 * MaxLeadingLines + 5)).ToArray().AsSpan().TrimStart("\r\n"u8);
            refusedHead = start.StartsWith("HEAD "u8);
            Volatile.Write(ref headSince, 0);
        }

        if (stage == Stage.Body && ScanBody() is var broken and not FramingFault.None) (Fault, stage) = (broken, Stage.Broken);
    }

    private FramingFault ScanHead()
    {
        if (buffer.IsEmpty) return FramingFault.None;
        if (headSince == 0) Volatile.Write(ref headSince, time.GetTimestamp());
        if (buffer.IsSingleSegment) return ScanHead(buffer.FirstSpan);
        // No head is longer than the limit, so no more than that is copied.
        var size = (int)Math.Min(buffer.Length, limits.MaxBytes + 1L);
        var copy = ArrayPool<byte>.Shared.Rent(size);
        buffer.Slice(0, size).CopyTo(copy);
        var fault = ScanHead(copy.AsSpan(0, size));
        ArrayPool<byte>.Shared.Return(copy);
        return fault;
    }

    private FramingFault ScanHead(ReadOnlySpan<byte> bytes)
    {
        var empty = 0;
        while (bytes[empty..].StartsWith("\r\n"u8)) empty += 2;
        if (empty > 2 * MaxLeadingLines) return FramingFault.RequestLine;
        bytes = bytes[empty..];
        if (bytes is [] or [(byte)'\r']) return FramingFault.None;
        var length = RequestHead.Length(bytes, searched);
        if (length < 0)
        {
            searched = bytes.Length;
            return RequestHead.CheckPartial(bytes, limits);
        }

        var fault = RequestHead.Check(bytes[..length], limits, out framing, out bodyLeft);
        if (fault != FramingFault.None) return fault;
        if (AbsoluteForm.OddScheme(bytes, out var scheme) is >= 0 and var at) Lower(buffer.Slice(empty + at, scheme));
        skip = empty;
        approved = empty + length;
        Volatile.Write(ref headSince, 0);
        chunks = default;
        stage = framing == BodyFraming.None ? Stage.Whole : Stage.Body;
        return FramingFault.None;
    }

    /// <summary>In place: the bytes are this connection's alone, and nobody has read them yet.</summary>
    private static void Lower(ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            foreach (ref var b in MemoryMarshal.AsMemory(segment).Span) b = (byte)char.ToLowerInvariant((char)b);
        }
    }

    private FramingFault ScanBody()
    {
        if (framing == BodyFraming.Length)
        {
            var part = Math.Min(bodyLeft, buffer.Length - approved);
            approved += part;
            bodyLeft -= part;
            if (bodyLeft == 0) stage = Stage.Whole;
            return FramingFault.None;
        }

        var scanned = approved + chunks.Held;
        var fault = FramingFault.None;
        foreach (var segment in buffer.Slice(scanned))
        {
            // In place, as in Lower.
            fault = chunks.Advance(MemoryMarshal.AsMemory(segment).Span, out var taken);
            scanned += taken;
            if (fault != FramingFault.None || chunks.Done) break;
        }

        approved = scanned - chunks.Held;
        if (chunks.Done) stage = Stage.Whole;
        return fault;
    }

    private ReadResult Refused() => new(substituted ? ReadOnlySequence<byte>.Empty : malformedShown ? Malformed : OwnRequest, isCanceled: false, isCompleted: substituted);

    private void NextMessage()
    {
        stage = Stage.Head;
        searched = 0;
        seen = 0;
        timedOut = false;
    }
}
