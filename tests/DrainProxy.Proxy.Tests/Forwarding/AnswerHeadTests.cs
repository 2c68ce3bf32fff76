using System.Text;
using DrainProxy.Proxy.Forwarding;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>However the bytes of an answer are cut, its head says the same.</summary>
public sealed class AnswerHeadTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\0\r\n\r\n", "hello", 200, true)]
    [InlineData("HTTP/1.1 413 No\r\nContent-Length: 5\r\n\r\n", "hel\0o", 413, false)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\n\n", "hel\0o\n\n", 200, false)]
    [InlineData("HTTP/1.1 200 OK\nA: b\r\n\n", "\r\n\r\n", 200, false)]
    [InlineData("HTTP/1.1 200 OK\r\nA: b\n\r\n", "\n", 200, false)]
    [InlineData("HTTP/1.1 103 Early\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", 103, false)]
    [InlineData("HTTP/1.0 204\r\nA: \r\r\n\r\n", "", 204, false)]
    public void A_head_in_pieces_is_the_same_head(string text, string behind, int status, bool hasNul)
    {
        var bytes = Encoding.Latin1.GetBytes(text + behind);
        for (var first = 1; first <= bytes.Length; first++)
        {
            for (var second = first; second <= bytes.Length; second++)
            {
                var head = new AnswerHead();
                Assert.Equal(text.Length, LengthOf(ref head, bytes[..first], bytes[first..second], bytes[second..]));
                Assert.Equal((status, hasNul, status is 103), (head.Status, head.HasNul, head.IsInterim));
            }
        }
    }

    [Theory]
    [InlineData("HTTP/1.1 1xx Odd\r\n\r\n")]
    [InlineData("HTTP/1.1 1 4 X\r\n\r\n")]
    [InlineData("HTTP/1.1 1\r\n\r\n")]
    [InlineData("HTTP/1.1 101 Switching\r\n\r\n")]
    [InlineData("HTTP/1.1 -12 X\r\n\r\n")]
    public void What_is_no_interim_status_is_final(string text)
    {
        var head = new AnswerHead();
        Assert.True(head.Add(Encoding.Latin1.GetBytes(text), out _));
        Assert.False(head.IsInterim);
        Assert.False(head.Status is >= 400 and < 600);
    }

    /// <summary>Bytes up to the end of the head.</summary>
    private static int LengthOf(ref AnswerHead head, params byte[][] pieces)
    {
        var length = 0;
        foreach (var piece in pieces.Where(p => p.Length > 0))
        {
            var ended = head.Add(piece, out var used);
            length += used;
            if (ended) return length;
        }

        return -1;
    }
}
