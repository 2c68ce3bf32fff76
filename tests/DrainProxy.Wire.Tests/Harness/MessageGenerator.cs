using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>One change to a message's bytes.</summary>
/// <param name="Kind">0 replace, 1 insert, 2 delete, 3 repeat a piece.</param>
/// <param name="At">Where, in millionths of the length.</param>
/// <param name="Length">Of what is deleted or repeated, in bytes.</param>
/// <param name="Bytes">What is written, Latin-1.</param>
internal sealed record Mutation(int Kind, int At, int Length, string Bytes)
{
    public string Apply(string message)
    {
        var at = (int)((long)At * message.Length / 1_000_000);
        var end = Math.Min(message.Length, at + Length);
        return Kind switch
        {
            0 => message[..at] + Bytes + message[Math.Min(message.Length, at + Bytes.Length)..],
            1 => message[..at] + Bytes + message[at..],
            2 => message[..at] + message[end..],
            _ => message[..end] + message[at..],
        };
    }
}

/// <summary>A conversation: valid messages one behind the other, and what was done to their bytes.</summary>
internal sealed record Conversation(IReadOnlyList<string> Messages, IReadOnlyList<Mutation> Mutations)
{
    public string Bytes => Mutations.Aggregate(string.Concat(Messages), (bytes, mutation) => mutation.Apply(bytes));

    public override string ToString() => WireCase.Show(Bytes);
}

/// <summary>Valid HTTP/1.1 messages of every framing, and mutations that like the places where parsers differ.</summary>
internal static class MessageGenerator
{
    /// <summary>Pieces that have made parsers disagree before.</summary>
    private static readonly string[] Tricks =
    [
        "\r", "\n", "\r\n", "\r\n\r\n", "\0", " ", "\t", "\x0B", "\x7F", "\u00A0", "\u00FF", ":", ";", ",", "+", "-", "0", "0x", "\r\n ", "\n\n", "%00", "#",
        "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding : chunked\r\n", "\r\nTransfer-Encoding: chunked", "Host: b.test\r\n", "Connection: close\r\n", "HTTP/1.0", "HTTP/1.1", "chunked", "0\r\n\r\n",
        "5\r\nhello\r\n", "GET /smuggled HTTP/1.1\r\nHost: s.test\r\n\r\n", "Expect: 100-continue\r\n", "Upgrade: h2c\r\n", "X-A: b\r\n c\r\n", "http://a.test",
    ];

    private static readonly Gen<string> Word = Gen.Elements("a", "bc", "X9", "def-g", "h_i", "j.k").Select(w => w);

    private static readonly Gen<string> Method = Gen.Elements("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "frob", "M-SEARCH");

    private static readonly Gen<string> Target = Gen.Elements("/", "/a/b", "/a%2Fb", "/a/../b", "/?q=1", "/a?b=%zz&c", "//", "/a;b=c", "/*", "/a|b", "/a{b}");

    private static readonly Gen<string> Value = Gen.Elements("1", "two words", "\u00C3\u00BC", "\u00FF\u0080", "a, b", "\"q;r\"", "", "x\ty", "(((");

    private static readonly Gen<string> Fields =
        from count in Gen.Choose(0, 4)
        from names in Word.ListOf(count)
        from values in Value.ListOf(count)
        from nominates in Gen.Elements("", "", "", "Connection: X-Nominated\r\nX-Nominated: n\r\n", "x-nominated: n\r\nConnection: keep-alive, X-Nominated\r\n")
        from order in Gen.Choose(0, 1)
        select order == 0 ? nominates + Lines(names, values) : Lines(names, values) + nominates;

    private static readonly Gen<string> Body =
        from length in Gen.Elements(0, 1, 5, 17, 300, 5000)
        from seed in Gen.Choose(0, 255)
        select new string([.. Enumerable.Range(0, length).Select(i => (char)((seed + (i * 7)) & 0xFF))]);

    private static readonly Gen<string> Request =
        from method in Method
        from target in Target
        from before in Fields
        from after in Fields
        from body in Body
        from framing in Gen.Elements("none", "length", "chunked", "chunked with trailer")
        from chunk in Gen.Elements(1, 3, 64, 5000)
        select $"{method} {target} HTTP/1.1\r\n{before}Host: a.test\r\n{after}{Framed(framing, body, chunk)}";

    private static readonly Gen<string> Answer =
        from status in Gen.Elements("200 OK", "404 Not Found", "500 Oops", "299 Odd")
        from before in Fields
        from body in Body
        from framing in Gen.Elements("length", "chunked", "chunked with trailer")
        from chunk in Gen.Elements(3, 64, 5000)
        select $"HTTP/1.1 {status}\r\n{before}{Framed(framing, body, chunk)}";

    private static readonly Gen<Mutation> Mutations =
        from kind in Gen.Choose(0, 3)
        from at in Gen.Choose(0, 999_999)
        from head in Gen.Choose(0, 2)
        from length in Gen.Choose(1, 20)
        from trick in Gen.Elements(Tricks)
        from random in Gen.Choose(0, 255)
        from isTrick in Gen.Choose(0, 3)
            // Two of three within the head of the first message, where the decisions fall.
        select new Mutation(kind, head > 0 ? at / 4 : at, length, isTrick > 0 ? trick : ((char)random).ToString());

    public static Gen<Conversation> Valid => Request.NonEmptyListOf().Select(m => new Conversation([.. m.Take(5)], []));

    public static Gen<Conversation> Mutated => With(Request, 3);

    public static Gen<Conversation> MutatedAnswers => With(Answer, 1);

    /// <summary>Smaller ones that may fail too: without one of the mutations.</summary>
    public static IEnumerable<Conversation> Shrink(Conversation conversation) =>
        conversation.Mutations.Count < 2 ? [] : conversation.Mutations.Select(m => conversation with { Mutations = [.. conversation.Mutations.Where(o => o != m)] });

    private static Gen<Conversation> With(Gen<string> message, int most) =>
        from count in Gen.Choose(1, most)
        from messages in message.ListOf(count)
        from mutationCount in Gen.Choose(1, 4)
        from mutations in Mutations.ListOf(mutationCount)
        select new Conversation([.. messages], [.. mutations]);

    private static string Lines(List<string> names, List<string> values) =>
        string.Concat(names.Select((name, i) => $"X-{name}: {values[i]}\r\n"));

    private static string Framed(string framing, string body, int chunk)
    {
        if (framing == "none") return "\r\n";
        if (framing == "length") return $"Content-Length: {body.Length}\r\n\r\n{body}";
        var text = new StringBuilder("Transfer-Encoding: chunked\r\n\r\n");
        for (var at = 0; at < body.Length; at += chunk)
        {
            var part = body.Substring(at, Math.Min(chunk, body.Length - at));
            text.Append($"{part.Length:x}\r\n").Append(part).Append("\r\n");
        }

        return text.Append(framing == "chunked" ? "0\r\n\r\n" : "0\r\nX-Trailer: t\r\n\r\n").ToString();
    }
}
