namespace DrainProxy.Decisions.Framing;

/// <summary>
/// Follows a chunked body to its end, byte by byte outside the data, without keeping anything of it: RFC 9112 section 7.1 strictly.
/// A mutable value: it lives in the reader of its connection.
/// </summary>
public struct ChunkScanner
{
    /// <summary>A chunk's line with its extensions, in bytes.</summary>
    public const int MaxSizeLine = 4096;

    /// <summary>Digits of a chunk's size, leading zeros among them: Kestrel takes no more, and what it would refuse gets an answer of our form here.</summary>
    public const int MaxSizeDigits = 8;

    /// <summary>A chunk's size in bytes; Kestrel's is a number of 31 bits.</summary>
    public const int MaxSize = int.MaxValue;

    /// <summary>The whole trailer, in bytes.</summary>
    public const int MaxTrailer = 16 * 1024;

    private State state;
    private long remaining;
    private int line;

    private enum State : byte
    {
        SizeFirst,
        Size,
        Blank,
        Extension,
        SizeLf,
        Data,
        DataCr,
        DataLf,
        LineStart,
        Name,
        Value,
        ValueLf,
        EndLf,
        Done,
    }

    /// <summary>The last chunk and the trailer have passed.</summary>
    public readonly bool Done => state == State.Done;

    /// <summary>Bytes that were taken and are part of a line that is not whole yet: nobody should act on them.</summary>
    public int Held { get; private set; }

    /// <summary>Takes what belongs to the body.</summary>
    /// <param name="bytes">
    /// The next bytes of the connection. Blanks between a size and its extension are allowed (BWS of RFC 9112 section 7.1.1), but not by
    /// Kestrel: they are made a part of the extension, as semicolons in place.
    /// </param>
    /// <param name="taken">How many of them belong to the body and are good.</param>
    public FramingFault Advance(Span<byte> bytes, out int taken)
    {
        taken = 0;
        while (taken < bytes.Length && state != State.Done)
        {
            if (state == State.Data)
            {
                var part = (int)Math.Min(remaining, bytes.Length - taken);
                taken += part;
                remaining -= part;
                if (remaining == 0) state = State.DataCr;
                continue;
            }

            var fault = Step(ref bytes[taken]);
            if (fault != FramingFault.None) return fault;
            taken++;
            // A size line counts when it is whole, a trailer when all of it is.
            Held = state is State.Data or State.DataCr or State.DataLf or State.SizeFirst or State.Done || (state == State.LineStart && line == 0) ? 0 : Held + 1;
        }

        return FramingFault.None;
    }

    private FramingFault Step(ref byte b)
    {
        switch (state)
        {
            case State.SizeFirst or State.Size:
                return Size(ref b);
            case State.Blank:
                return Blank(ref b);
            case State.Extension:
                if (b == '\r') state = State.SizeLf;
                else if (b != '\t' && (b < 0x20 || b == 0x7f)) return FramingFault.ChunkExtension;
                return ++line > MaxSizeLine ? FramingFault.ChunkExtension : FramingFault.None;
            case State.SizeLf:
                if (b != '\n') return FramingFault.ChunkSize;
                line = 0;
                state = remaining > 0 ? State.Data : State.LineStart;
                return FramingFault.None;
            case State.DataCr:
                if (b != '\r') return FramingFault.ChunkData;
                state = State.DataLf;
                return FramingFault.None;
            case State.DataLf:
                if (b != '\n') return FramingFault.ChunkData;
                state = State.SizeFirst;
                return FramingFault.None;
            default:
                return Trailer(b);
        }
    }

    private FramingFault Size(ref byte b)
    {
        if (Digit(b) is var digit and >= 0)
        {
            if (++line > MaxSizeDigits) return FramingFault.ChunkSize;
            remaining = state == State.SizeFirst ? digit : (remaining << 4) | (uint)digit;
            state = State.Size;
            return FramingFault.None;
        }

        if (state == State.SizeFirst) return FramingFault.ChunkSize;
        return b switch
        {
            (byte)';' => SizeEnds(State.Extension),
            (byte)'\r' => SizeEnds(State.SizeLf),
            (byte)' ' or (byte)'\t' => Blank(ref b),
            _ => FramingFault.ChunkSize,
        };
    }

    /// <summary>Between a size and the semicolon that must follow.</summary>
    private FramingFault Blank(ref byte b)
    {
        if (b is not ((byte)';' or (byte)' ' or (byte)'\t')) return FramingFault.ChunkSize;
        var next = b == ';' ? State.Extension : State.Blank;
        b = (byte)';';
        return ++line > MaxSizeLine ? FramingFault.ChunkExtension : SizeEnds(next);
    }

    private FramingFault Trailer(byte b)
    {
        if (++line > MaxTrailer) return FramingFault.Trailer;
        switch (state)
        {
            case State.LineStart when b == '\r':
                state = State.EndLf;
                return FramingFault.None;
            case State.LineStart:
                state = State.Name;
                return FieldSyntax.Token.Contains(b) ? FramingFault.None : FramingFault.Trailer;
            case State.Name:
                if (b == ':') state = State.Value;
                else if (!FieldSyntax.Token.Contains(b)) return FramingFault.Trailer;
                return FramingFault.None;
            case State.Value:
                if (b == '\r') state = State.ValueLf;
                else if (FieldSyntax.NotInValue.Contains(b)) return FramingFault.Trailer;
                return FramingFault.None;
            case State.ValueLf:
                if (b != '\n') return FramingFault.Trailer;
                state = State.LineStart;
                return FramingFault.None;
            default:
                if (b != '\n') return FramingFault.Trailer;
                state = State.Done;
                return FramingFault.None;
        }
    }

    /// <summary>The size line has ended.</summary>
    private FramingFault SizeEnds(State next)
    {
        if (remaining > MaxSize) return FramingFault.ChunkSize;
        state = next;
        return FramingFault.None;
    }

    private static int Digit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };
}
