using System.Buffers.Text;
using System.Text;

namespace DrainProxy.Decisions.Framing;

/// <summary>Bounds of one request's header.</summary>
/// <param name="MaxBytes">Request line and fields together, in bytes.</param>
/// <param name="MaxLine">The request line alone, in bytes.</param>
/// <param name="MaxFields">Number of field lines.</param>
/// <param name="MaxBody">Largest body in bytes; 0: no limit.</param>
public sealed record HeadLimits(int MaxBytes, int MaxLine, int MaxFields, long MaxBody = 0);

/// <summary>How a body is delimited (RFC 9112 section 6).</summary>
public enum BodyFraming : byte
{
    None,
    Length,
    Chunked,
}

/// <summary>
/// Reads the head of an HTTP/1.x request strictly enough that no other parser behind it can see another request in the same bytes:
/// RFC 9112 sections 2 to 6, with every choice between repairing and refusing taken as refusing.
/// </summary>
public static class RequestHead
{
    private static ReadOnlySpan<byte> End => "\r\n\r\n"u8;

    /// <summary>Whether a value is `uri-host [ ":" port ]` as <see cref="Check"/> takes it; for hosts that came in another way.</summary>
    public static bool IsHost(string value) => FieldSyntax.IsHost(Encoding.Latin1.GetBytes(value));

    /// <summary>Length of the head with its empty line, or -1 when it is not complete yet.</summary>
    /// <param name="bytes">The message from its first byte.</param>
    /// <param name="searched">How many bytes were looked at before.</param>
    public static int Length(ReadOnlySpan<byte> bytes, int searched = 0)
    {
        var from = Math.Max(0, searched - 3);
        var at = bytes[from..].IndexOf(End);
        return at < 0 ? -1 : from + at + End.Length;
    }

    /// <summary>What can be said of a head that is not complete: refused as soon as it cannot become a good one.</summary>
    public static FramingFault CheckPartial(ReadOnlySpan<byte> bytes, HeadLimits limits)
    {
        var line = bytes.IndexOf((byte)'\n');
        if (line < 0)
        {
            if (bytes.Length > limits.MaxLine) return FramingFault.TargetTooLong;
            // No method begins so: TLS on a clear-text port, for one.
            return bytes.Length > 0 && bytes[..1].IndexOfAnyExcept(FieldSyntax.Token) >= 0 ? FramingFault.Method : FramingFault.None;
        }

        if (line == 0 || bytes[line - 1] != '\r') return FramingFault.LineTerminator;
        var fault = RequestLine(bytes[..(line - 1)], limits, out _, out _);
        if (fault != FramingFault.None) return fault;
        for (var at = line + 1; ;)
        {
            var next = bytes[at..].IndexOf((byte)'\n');
            if (next < 0) break;
            if (next == 0 || bytes[at + next - 1] != '\r') return FramingFault.LineTerminator;
            at += next + 1;
        }

        return bytes.Length > limits.MaxBytes ? FramingFault.HeaderTooLarge : FramingFault.None;
    }

    /// <summary>Checks a complete head, from its first byte to the empty line, and tells how its body is delimited.</summary>
    /// <param name="head">As long as <see cref="Length"/> says.</param>
    /// <param name="limits">Bounds.</param>
    /// <param name="framing">How the body is delimited.</param>
    /// <param name="length">The body's length in bytes when <paramref name="framing"/> is <see cref="BodyFraming.Length"/>.</param>
    public static FramingFault Check(ReadOnlySpan<byte> head, HeadLimits limits, out BodyFraming framing, out long length)
    {
        framing = BodyFraming.None;
        length = 0;
        if (head.Length > limits.MaxBytes) return FramingFault.HeaderTooLarge;
        var line = head.IndexOfAny((byte)'\r', (byte)'\n');
        if (head[line] != '\r' || head[line + 1] != '\n') return FramingFault.LineTerminator;
        var fault = RequestLine(head[..line], limits, out var http10, out var target);
        if (fault != FramingFault.None) return fault;
        var fields = new Fields();
        fault = fields.Read(head[(line + 2)..^2], limits.MaxFields);
        if (fault != FramingFault.None) return fault;
        if (fields.Hosts > 1 || (fields.Hosts == 0 && !http10)) return FramingFault.Host;
        if (target[0] is not ((byte)'/' or (byte)'*') && !AbsoluteForm.IsFor(target, fields.Host, fields.Hosts == 1)) return FramingFault.Host;
        if (fields.Codings > 0)
        {
            if (http10) return FramingFault.CodingOnHttp10;
            if (fields.HasLength) return FramingFault.LengthAndCoding;
            if (fields.UnknownCoding) return FramingFault.UnknownCoding;
            if (fields.Codings > 1 || !fields.ChunkedLast) return FramingFault.TransferEncoding;
            framing = BodyFraming.Chunked;
            return FramingFault.None;
        }

        if (!fields.HasLength) return http10 && NeedsLength(head) ? FramingFault.LengthMissing : FramingFault.None;
        if (limits.MaxBody > 0 && fields.Length > limits.MaxBody) return FramingFault.BodyTooLarge;
        length = fields.Length;
        framing = length > 0 ? BodyFraming.Length : BodyFraming.None;
        return FramingFault.None;
    }

    private static FramingFault RequestLine(ReadOnlySpan<byte> line, HeadLimits limits, out bool http10, out ReadOnlySpan<byte> target)
    {
        http10 = false;
        target = default;
        if (line.Length > limits.MaxLine) return FramingFault.TargetTooLong;
        var method = line.IndexOf((byte)' ');
        if (method < 0) return line.IndexOfAnyExcept(FieldSyntax.Token) >= 0 ? FramingFault.Method : FramingFault.RequestLine;
        if (method == 0 || line[..method].IndexOfAnyExcept(FieldSyntax.Token) >= 0) return FramingFault.Method;
        // A tunnel is no business of a gateway (RFC 9110 section 9.3.6).
        if (line[..method].SequenceEqual("CONNECT"u8)) return FramingFault.Connect;
        var rest = line[(method + 1)..];
        var end = rest.IndexOf((byte)' ');
        if (end < 0) return FramingFault.RequestLine;
        var version = rest[(end + 1)..];
        target = rest[..end];
        if (target.IsEmpty || target.IndexOfAnyExcept(FieldSyntax.Visible) >= 0) return FramingFault.Target;
        if (!IsTarget(line[..method], target)) return FramingFault.Target;
        if (version.SequenceEqual("HTTP/1.1"u8)) return FramingFault.None;
        if (version.SequenceEqual("HTTP/1.0"u8))
        {
            http10 = true;
            return FramingFault.None;
        }

        return version.Length == 8 && version.StartsWith("HTTP/"u8) && char.IsAsciiDigit((char)version[5]) && version[6] == '.'
            && char.IsAsciiDigit((char)version[7])
            ? FramingFault.Version
            : FramingFault.RequestLine;
    }

    /// <summary>The four forms of RFC 9112 section 3.2; which method may use which.</summary>
    private static bool IsTarget(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target)
    {
        if (target[0] == '/') return !HasNul(target);
        if (target[0] == '*') return target.Length == 1 && method.SequenceEqual("OPTIONS"u8);
        return AbsoluteForm.Scheme(target) > 0 && !HasNul(target);
    }

    /// <summary>Methods that HTTP/1.0 knows no bodyless form of (RFC 1945 section 8.3); Kestrel refuses these two.</summary>
    private static bool NeedsLength(ReadOnlySpan<byte> head) => head.StartsWith("POST "u8) || head.StartsWith("PUT "u8);

    /// <summary>An escaped NUL in the path, which many a server ends a file name at; Kestrel refuses it too.</summary>
    private static bool HasNul(ReadOnlySpan<byte> target)
    {
        var query = target.IndexOf((byte)'?');
        return (query < 0 ? target : target[..query]).IndexOf("%00"u8) >= 0;
    }

    /// <summary>What the field lines say of framing, gathered in one pass.</summary>
    private ref struct Fields
    {
        public int Hosts;
        public ReadOnlySpan<byte> Host;
        public bool HasLength;
        public long Length;
        public int Codings;
        public bool ChunkedLast;
        public bool UnknownCoding;

        /// <param name="lines">Field lines, each with its CR LF.</param>
        /// <param name="limit">Largest number of lines.</param>
        public FramingFault Read(ReadOnlySpan<byte> lines, int limit)
        {
            var count = 0;
            while (!lines.IsEmpty)
            {
                if (++count > limit) return FramingFault.TooManyFields;
                var colon = lines.IndexOfAnyExcept(FieldSyntax.Token);
                if (colon <= 0 || lines[colon] != ':') return Unnamed(lines, colon);
                var value = lines[(colon + 1)..];
                var end = value.IndexOfAny(FieldSyntax.NotInValue);
                if (end < 0 || value[end] != '\r' || end + 1 >= value.Length || value[end + 1] != '\n')
                    return end >= 0 && value[end] is (byte)'\r' or (byte)'\n' ? FramingFault.LineTerminator : FramingFault.FieldValue;
                var fault = Note(lines[..colon], value[..end]);
                if (fault != FramingFault.None) return fault;
                lines = value[(end + 2)..];
            }

            return FramingFault.None;
        }

        private static FramingFault Unnamed(ReadOnlySpan<byte> lines, int at)
        {
            if (lines[0] is (byte)' ' or (byte)'\t') return FramingFault.FoldedLine;
            if (at < 0) return FramingFault.FieldLine;
            return at > 0 && lines[at] is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n' ? FramingFault.FieldLine : FramingFault.FieldName;
        }

        private FramingFault Note(scoped ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            switch (name.Length)
            {
                case 4 when FieldSyntax.Is(name, "host"u8):
                    Hosts++;
                    Host = FieldSyntax.TrimBlanks(value);
                    return FieldSyntax.IsHost(Host) ? FramingFault.None : FramingFault.Host;
                case 14 when FieldSyntax.Is(name, "content-length"u8):
                    return NoteLength(FieldSyntax.TrimBlanks(value));
                case 17 when FieldSyntax.Is(name, "transfer-encoding"u8):
                    return NoteCodings(value);
                default:
                    return FramingFault.None;
            }
        }

        /// <summary>
        /// 1*DIGIT and one field only (RFC 9110 section 8.6): a list of equal lengths is refused too, and leading zeros beyond the longest number,
        /// for which Kestrel has no room.
        /// </summary>
        private FramingFault NoteLength(ReadOnlySpan<byte> value)
        {
            if (HasLength || value.Length is 0 or > 19 || value.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0) return FramingFault.ContentLength;
            HasLength = true;
            return Utf8Parser.TryParse(value, out Length, out var used) && used == value.Length ? FramingFault.None : FramingFault.ContentLength;
        }

        private FramingFault NoteCodings(ReadOnlySpan<byte> value)
        {
            foreach (var range in value.Split((byte)','))
            {
                var coding = FieldSyntax.TrimBlanks(value[range]);
                Codings++;
                ChunkedLast = FieldSyntax.Is(coding, "chunked"u8);
                if (ChunkedLast) continue;
                // Registered codings that a server might know but need not (RFC 9112 section 7); all else is malformed or unknown.
                if (coding.IsEmpty || coding.IndexOfAnyExcept(FieldSyntax.Token) >= 0 || FieldSyntax.Is(coding, "identity"u8))
                    return FramingFault.TransferEncoding;
                UnknownCoding = true;
            }

            return FramingFault.None;
        }
    }
}
