using System.Globalization;
using System.Text;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>What came over the wire is not a message by RFC 9112, read strictly.</summary>
internal sealed class MalformedException(string message) : Exception(message);

internal sealed record Field(string Name, string Value)
{
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}

/// <summary>One whole message. Bytes are kept as Latin-1 text.</summary>
internal sealed record Message(string StartLine, IReadOnlyList<Field> Fields, string Body, IReadOnlyList<Field> Trailers)
{
    public string Method => StartLine.Split(' ')[0];

    public string Target => StartLine.Split(' ')[1];

    public int Status => int.Parse(StartLine.AsSpan(9, 3));

    public IEnumerable<string> Values(string name) => Fields.Where(f => f.Is(name)).Select(f => f.Value);

    public bool Has(string name) => Fields.Any(f => f.Is(name));
}

/// <summary>
/// A reader of messages that repairs nothing, written apart from the one under test: it decides what a strict peer sees. Null where more bytes
/// are needed.
/// </summary>
internal static class Messages
{
    private const string TokenChars = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>A request at the start of the text.</summary>
    /// <param name="text">Bytes of the connection.</param>
    /// <param name="lenient">HTTP/1.0 and chunk extensions are no fault: a client may send them.</param>
    public static (Message Message, int Length)? Request(string text, bool lenient = false)
    {
        if (Head(text) is not var (line, fields, at)) return null;
        var parts = line.Split(' ');
        if (parts.Length != 3 || (parts[2] != "HTTP/1.1" && !(lenient && parts[2] == "HTTP/1.0"))) throw new MalformedException("request line: " + WireCase.Show(line));
        if (!IsToken(parts[0])) throw new MalformedException("method: " + WireCase.Show(parts[0]));
        if (parts[1].Length == 0 || parts[1].Any(c => c is <= ' ' or > '~')) throw new MalformedException("target: " + WireCase.Show(parts[1]));
        if (fields.Count(f => f.Is("Host")) is not 1 and var hosts && !(lenient && hosts == 0 && parts[2] == "HTTP/1.0")) throw new MalformedException("not one Host: " + WireCase.Show(text));
        return Body(text, at, line, fields, framed: true, ended: false, lenient);
    }

    /// <summary>The head of a request at the start of the text.</summary>
    public static Message? RequestHead(string text) => Head(text) is var (line, fields, _) ? new(line, fields, "", []) : null;

    /// <summary>An answer at the start of the text.</summary>
    /// <param name="text">Bytes of the connection.</param>
    /// <param name="method">Of the request it answers.</param>
    /// <param name="ended">The peer has closed: a body without a length is whole.</param>
    public static (Message Message, int Length)? Answer(string text, string method, bool ended)
    {
        if (Head(text) is not var (line, fields, at)) return null;
        if (line.Length < 13 || !line.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) || line[12] != ' ' || !line.AsSpan(9, 3).ToString().All(char.IsAsciiDigit))
            throw new MalformedException("status line: " + WireCase.Show(line));
        if (line.Any(c => c is < ' ' and not '\t' or '\x7f')) throw new MalformedException("reason: " + WireCase.Show(line));
        var status = int.Parse(line.AsSpan(9, 3));
        if (status is < 100 or > 599) throw new MalformedException("status: " + line);
        if (status is < 200 or 204 && (fields.Any(f => f.Is("Content-Length")) || fields.Any(f => f.Is("Transfer-Encoding"))))
            throw new MalformedException($"a length on {status}");
        if (status is < 200 or 204 or 304 || method == "HEAD") return (new(line, fields, "", []), at);
        return Body(text, at, line, fields, framed: false, ended, extensions: false);
    }

    public static bool IsToken(string text) => text.Length > 0 && text.All(c => TokenChars.Contains(c, StringComparison.Ordinal));

    private static (string Line, List<Field> Fields, int Length)? Head(string text)
    {
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        // A head that can no longer become a good one is told at once.
        var bare = text.AsSpan(0, end < 0 ? text.Length : end).ToString();
        for (var i = 0; i < bare.Length; i++)
        {
            if (bare[i] == '\n' && (i == 0 || bare[i - 1] != '\r')) throw new MalformedException("bare LF: " + WireCase.Show(bare));
        }

        if (end < 0) return null;
        var lines = text[..end].Split("\r\n");
        var fields = lines.Skip(1).Select(ParseField).ToList();
        return (lines[0], fields, end + 4);
    }

    private static Field ParseField(string line)
    {
        var colon = line.IndexOf(':');
        if (colon <= 0 || !IsToken(line[..colon])) throw new MalformedException("field name: " + WireCase.Show(line));
        var value = line[(colon + 1)..].Trim(' ', '\t');
        if (value.Any(c => c is < ' ' and not '\t' or '\x7f')) throw new MalformedException("field value: " + WireCase.Show(line));
        return new(line[..colon], value);
    }

    private static (Message, int)? Body(string text, int at, string line, List<Field> fields, bool framed, bool ended, bool extensions)
    {
        var lengths = fields.Where(f => f.Is("Content-Length")).ToList();
        var codings = fields.Where(f => f.Is("Transfer-Encoding")).ToList();
        if (lengths.Count + codings.Count > 1) throw new MalformedException("framed twice: " + string.Join(", ", lengths.Concat(codings)));
        if (codings.Count == 1)
        {
            if (!codings[0].Value.Equals("chunked", StringComparison.OrdinalIgnoreCase)) throw new MalformedException("coding: " + codings[0].Value);
            return Chunked(text, at, line, fields, extensions);
        }

        if (lengths.Count == 1)
        {
            if (lengths[0].Value.Length is 0 or > 18 || !lengths[0].Value.All(char.IsAsciiDigit)) throw new MalformedException("length: " + lengths[0].Value);
            var length = long.Parse(lengths[0].Value);
            return text.Length - at < length ? null : (new(line, fields, text.Substring(at, (int)length), []), at + (int)length);
        }

        if (framed) return (new(line, fields, "", []), at);
        return ended ? (new(line, fields, text[at..], []), text.Length) : null;
    }

    private static (Message, int)? Chunked(string text, int at, string line, List<Field> fields, bool extensions)
    {
        var body = new StringBuilder();
        while (true)
        {
            var end = text.IndexOf("\r\n", at, StringComparison.Ordinal);
            if (end < 0)
            {
                if (text.Length - at > 64 && !extensions) throw new MalformedException("chunk size line: " + WireCase.Show(text[at..(at + 64)]));
                return null;
            }

            // DrainProxy sends no chunk extension and passes none on.
            var digits = text[at..end];
            if (extensions && digits.Contains(';', StringComparison.Ordinal) && digits.All(c => c is >= ' ' and not '\x7F' or '\t')) digits = digits.Split(';')[0];
            if (digits.Length is 0 or > 15 || !digits.All(char.IsAsciiHexDigit)) throw new MalformedException("chunk size: " + WireCase.Show(digits));
            var size = long.Parse(digits, NumberStyles.HexNumber);
            at = end + 2;
            if (size == 0) break;
            if (text.Length - at < size + 2) return null;
            body.Append(text, at, (int)size);
            at += (int)size;
            if (text[at] != '\r' || text[at + 1] != '\n') throw new MalformedException("chunk without CR LF");
            at += 2;
        }

        var trailers = new List<Field>();
        while (true)
        {
            var end = text.IndexOf("\r\n", at, StringComparison.Ordinal);
            if (end < 0) return null;
            var trailer = text[at..end];
            at = end + 2;
            if (trailer.Length == 0) return (new(line, fields, body.ToString(), trailers), at);
            trailers.Add(ParseField(trailer));
        }
    }
}
