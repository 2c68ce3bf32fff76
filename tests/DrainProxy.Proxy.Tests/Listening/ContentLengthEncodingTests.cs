using System.Text;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Listening;

namespace DrainProxy.Proxy.Tests.Listening;

public sealed class ContentLengthEncodingTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("+5", "x")]
    [InlineData(" 5", "x")]
    [InlineData("5,5", "x")]
    [InlineData("999999999999999999999", "x")]
    public void What_is_no_number_is_none_for_Kestrel_either(string sent, string decoded)
    {
        Span<char> room = stackalloc char[20];
        Assert.Equal(decoded, room[..ContentLengthEncoding.Instance.GetChars(Encoding.Latin1.GetBytes(sent), room)].ToString());
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\0\r\n\r\nhello", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\0", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel\0o", false)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\n\nhel\0o", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false)]
    public void A_NUL_is_told_from_one_in_the_content(string answer, bool inHead) =>
        Assert.Equal(inHead, AppStream.HasNulInHead(Encoding.Latin1.GetBytes(answer)));
}
