using System.Text;
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
}
