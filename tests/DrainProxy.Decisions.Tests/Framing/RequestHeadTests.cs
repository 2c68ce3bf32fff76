using System.Text;
using DrainProxy.Decisions.Framing;

namespace DrainProxy.Decisions.Tests.Framing;

public sealed class RequestHeadTests
{
    private static readonly HeadLimits Limits = new(MaxBytes: 4096, MaxLine: 1024, MaxFields: 20, MaxBody: 1000);

    [Theory]
    [InlineData("GET / HTTP/1.1|Host: x", BodyFraming.None, 0)]
    [InlineData("GET / HTTP/1.0", BodyFraming.None, 0)]
    [InlineData("get /%zz?a=%2F#f|{}\"<> HTTP/1.1|Host: x", BodyFraming.None, 0, "|Host")]
    [InlineData("OPTIONS * HTTP/1.1|Host: x", BodyFraming.None, 0)]
    [InlineData("GET http://x/ HTTP/1.1|Host: x:80", BodyFraming.None, 0)]
    [InlineData("GET https://X:443?q%00 HTTP/1.1|Host: x", BodyFraming.None, 0)]
    [InlineData("GET / HTTP/1.1|Host:", BodyFraming.None, 0)]
    [InlineData("GET / HTTP/1.1|Host: [2001:db8::1]:8080", BodyFraming.None, 0)]
    [InlineData("GET / HTTP/1.1|Host: x|A:\tb\t|B: \u00e9", BodyFraming.None, 0)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 0", BodyFraming.None, 0)]
    [InlineData("POST / HTTP/1.1|Host: x|content-LENGTH:\t 007 ", BodyFraming.Length, 7)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding:  Chunked ", BodyFraming.Chunked, 0)]
    public void Good_heads_tell_how_the_body_is_delimited(string head, BodyFraming framing, long length, string lineBreak = "|")
    {
        var bytes = Bytes(head, lineBreak);
        Assert.Equal(bytes.Length, RequestHead.Length(bytes));
        Assert.Equal(FramingFault.None, RequestHead.Check(bytes, Limits, out var found, out var foundLength));
        Assert.Equal((framing, length), (found, foundLength));
    }

    [Theory]
    [InlineData("GET  / HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData(" GET / HTTP/1.1|Host: x", FramingFault.Method)]
    [InlineData("G(T / HTTP/1.1|Host: x", FramingFault.Method)]
    [InlineData("GET /a b HTTP/1.1|Host: x", FramingFault.RequestLine)]
    [InlineData("GET / HTTP/1.1 |Host: x", FramingFault.RequestLine)]
    [InlineData("GET /|Host: x", FramingFault.RequestLine)]
    [InlineData("GET", FramingFault.RequestLine)]
    [InlineData("GET / http/1.1|Host: x", FramingFault.RequestLine)]
    [InlineData("GET / HTTP/1.2|Host: x", FramingFault.Version)]
    [InlineData("GET / HTTP/3.0|Host: x", FramingFault.Version)]
    [InlineData("GET a HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET * HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET ftp://x/ HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET /\u0001 HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET /\u00e9 HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET http://y/ HTTP/1.1|Host: x", FramingFault.Host)]
    [InlineData("GET HTTP://y/ HTTP/1.1|Host: x", FramingFault.Host)]
    [InlineData("GET http:/x/ HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET http:/// HTTP/1.0", FramingFault.Host)]
    [InlineData("GET http://[1:2]/ HTTP/1.1|Host: [1:2]", FramingFault.Host)]
    [InlineData("POST / HTTP/1.0|Host: x", FramingFault.LengthMissing)]
    [InlineData("PUT / HTTP/1.0|Host: x", FramingFault.LengthMissing)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 00000000000000000005", FramingFault.ContentLength)]
    [InlineData("GET / HTTP/1.1|Host: x:65536", FramingFault.Host)]
    [InlineData("GET /a%00b HTTP/1.1|Host: x", FramingFault.Target)]
    [InlineData("GET / HTTP/1.1|Host: x:", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: %78", FramingFault.Host)]
    [InlineData("GET http:/// HTTP/1.1|Host:", FramingFault.Host)]
    [InlineData("CONNECT x:80 HTTP/1.1|Host: x", FramingFault.Connect)]
    [InlineData("GET / HTTP/1.1", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: x|Host: x", FramingFault.Host)]
    [InlineData("GET / HTTP/1.0|Host: x|Host: x", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: a b", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: a/b", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: u@h", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: x:y", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: [::1", FramingFault.Host)]
    [InlineData("GET / HTTP/1.1|Host: x|A : b", FramingFault.FieldLine)]
    [InlineData("GET / HTTP/1.1|Host: x|A", FramingFault.FieldLine)]
    [InlineData("GET / HTTP/1.1|Host: x|: b", FramingFault.FieldName)]
    [InlineData("GET / HTTP/1.1|Host: x|A(: b", FramingFault.FieldName)]
    [InlineData("GET / HTTP/1.1|Host: x|A\u00e9: b", FramingFault.FieldName)]
    [InlineData("GET / HTTP/1.1|Host: x|A: b| c", FramingFault.FoldedLine)]
    [InlineData("GET / HTTP/1.1| A: b|Host: x", FramingFault.FoldedLine)]
    [InlineData("GET / HTTP/1.1|Host: x|A: b\u0000c", FramingFault.FieldValue)]
    [InlineData("GET / HTTP/1.1|Host: x|A: b\u007fc", FramingFault.FieldValue)]
    [InlineData("GET / HTTP/1.1|Host: x|A: b\rc", FramingFault.LineTerminator)]
    [InlineData("GET / HTTP/1.1|Host: x|A: b\nc: d", FramingFault.LineTerminator)]
    [InlineData("GET / HTTP/1.1\nHost: x|A: b", FramingFault.LineTerminator)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: +5", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: -0", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 0x5", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 5, 5", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 5|Content-Length: 5", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length:", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 1 2", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 9223372036854775808", FramingFault.ContentLength)]
    [InlineData("POST / HTTP/1.1|Host: x|Content-Length: 1001", FramingFault.BodyTooLarge)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: gzip, chunked", FramingFault.UnknownCoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: gzip", FramingFault.UnknownCoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: xchunked", FramingFault.UnknownCoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked, chunked", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked|Transfer-Encoding: chunked", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: identity", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding:", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked,", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked;a=b", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: \"chunked\"", FramingFault.TransferEncoding)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked\u000b", FramingFault.FieldValue)]
    [InlineData("POST / HTTP/1.1|Host: x|Transfer-Encoding: chunked|Content-Length: 3", FramingFault.LengthAndCoding)]
    [InlineData("POST / HTTP/1.0|Transfer-Encoding: chunked", FramingFault.CodingOnHttp10)]
    public void Bad_heads_are_refused_for_their_reason(string head, FramingFault fault) =>
        Assert.Equal(fault, RequestHead.Check(Bytes(head, "|"), Limits, out _, out _));

    [Fact]
    public void Bounds_have_their_own_answers()
    {
        var long_ = new string('a', 2000);
        Assert.Equal(FramingFault.TargetTooLong, RequestHead.Check(Bytes($"GET /{long_} HTTP/1.1|Host: x", "|"), Limits, out _, out _));
        Assert.Equal(FramingFault.HeaderTooLarge, RequestHead.Check(Bytes($"GET / HTTP/1.1|Host: x|A: {long_}{long_}{long_}", "|"), Limits, out _, out _));
        var many = string.Concat(Enumerable.Repeat("|A: b", 20));
        Assert.Equal(FramingFault.TooManyFields, RequestHead.Check(Bytes($"GET / HTTP/1.1|Host: x{many}", "|"), Limits, out _, out _));
    }

    [Theory]
    [InlineData("GET / HT", FramingFault.None)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\r\nA", FramingFault.None)]
    [InlineData("\u0016\u0003\u0001", FramingFault.Method)]
    [InlineData("GET / HTTP/9.1\r\nHost", FramingFault.Version)]
    [InlineData("GET / HTTP/1.1\nHost", FramingFault.LineTerminator)]
    [InlineData("GET / HTTP/1.1\r\nHost: x\n", FramingFault.LineTerminator)]
    public void What_cannot_become_a_good_head_is_refused_at_once(string start, FramingFault fault)
    {
        var bytes = Encoding.Latin1.GetBytes(start);
        Assert.Equal(-1, RequestHead.Length(bytes));
        Assert.Equal(fault, RequestHead.CheckPartial(bytes, Limits));
    }

    [Fact]
    public void A_head_that_never_ends_is_refused_at_its_bound()
    {
        Assert.Equal(FramingFault.TargetTooLong, RequestHead.CheckPartial(Encoding.Latin1.GetBytes(new string('a', 1025)), Limits));
        var fields = Encoding.Latin1.GetBytes("GET / HTTP/1.1\r\nA: " + new string('a', 4096));
        Assert.Equal(FramingFault.HeaderTooLarge, RequestHead.CheckPartial(fields, Limits));
    }

    [Fact]
    public void The_end_is_found_however_the_bytes_arrive()
    {
        var bytes = Bytes("GET / HTTP/1.1|Host: x", "|");
        for (var seen = 0; seen < bytes.Length; seen++)
        {
            Assert.Equal(-1, RequestHead.Length(bytes.AsSpan(0, seen)));
            Assert.Equal(bytes.Length, RequestHead.Length(bytes, seen));
        }
    }

    [Fact]
    public void Every_fault_has_a_status_and_words()
    {
        foreach (var fault in Enum.GetValues<FramingFault>().Where(f => f != FramingFault.None))
        {
            Assert.InRange(fault.Status(), 400, 505);
            Assert.NotEmpty(fault.Words());
            Assert.DoesNotContain('"', fault.Words());
        }
    }

    private static byte[] Bytes(string head, string lineBreak)
    {
        // A target may hold a bar itself; then only the one before a field name ends a line.
        var text = lineBreak == "|" ? head.Replace("|", "\r\n") : head.Replace(lineBreak, "\r\n" + lineBreak[1..]);
        return Encoding.Latin1.GetBytes(text + "\r\n\r\n");
    }
}
