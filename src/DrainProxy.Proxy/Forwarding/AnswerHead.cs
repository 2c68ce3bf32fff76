namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// The head of one answer, in as many pieces as it comes: its status, its end, and whether a NUL stands in it, which SocketsHttpHandler
/// passes over behind a number. A mutable value of its connection.
/// </summary>
internal struct AnswerHead
{
    private const int StatusAt = 9;
    private const int StatusEnd = StatusAt + 3;
    private int seen;
    private int status;
    private Line line;

    private enum Line
    {
        Inside,
        AfterLf,
        AfterLfCr,
    }

    /// <summary>No byte of it has come.</summary>
    public readonly bool IsNew => seen == 0;

    /// <summary>The status once its digits are here; 0 before, and below 100 or above 999 where there are no digits.</summary>
    public readonly int Status => seen >= StatusEnd ? status : 0;

    /// <summary>An answer that another one follows (RFC 9110 section 15.2); 101 is the last of its connection.</summary>
    public readonly bool IsInterim => Status is >= 100 and < 200 and not 101;

    public bool HasNul { get; private set; }

    /// <summary>Takes the next bytes.</summary>
    /// <param name="bytes">Not empty.</param>
    /// <param name="used">How many of them belong to this head.</param>
    /// <returns>Whether the head ends there: with an empty line, its LF with or without a CR as SocketsHttpHandler takes it.</returns>
    public bool Add(ReadOnlySpan<byte> bytes, out int used)
    {
        var end = EndIn(bytes);
        used = end < 0 ? bytes.Length : end;
        var head = bytes[..used];
        for (var i = 0; seen + i < StatusEnd && i < head.Length; i++)
        {
            if (seen + i < StatusAt) continue;
            // Anything but a digit leaves the range of statuses for good.
            status = head[i] is >= (byte)'0' and <= (byte)'9' ? (status * 10) + head[i] - '0' : 100_000;
        }

        // What counts is whether the status is there.
        seen = Math.Min(StatusEnd, seen + head.Length);
        HasNul |= head.Contains((byte)0);
        if (end >= 0) return true;
        line = head switch
        {
            [.., (byte)'\n'] => Line.AfterLf,
            [.., (byte)'\n', (byte)'\r'] => Line.AfterLfCr,
            [(byte)'\r'] when line == Line.AfterLf => Line.AfterLfCr,
            _ => Line.Inside,
        };
        return false;
    }

    /// <summary>Behind the empty line; negative where there is none.</summary>
    private readonly int EndIn(ReadOnlySpan<byte> bytes)
    {
        if (line != Line.Inside && bytes[0] == '\n') return 1;
        if (line == Line.AfterLf && bytes.StartsWith("\r\n"u8)) return 2;
        var crlf = bytes.IndexOf("\n\r\n"u8);
        var lf = (crlf < 0 ? bytes : bytes[..(crlf + 1)]).IndexOf("\n\n"u8);
        return lf >= 0 ? lf + 2 : crlf >= 0 ? crlf + 3 : -1;
    }
}
