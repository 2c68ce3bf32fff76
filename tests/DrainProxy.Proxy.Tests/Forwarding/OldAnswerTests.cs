using System.Text;
using DrainProxy.Proxy.Forwarding;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>HTTP/1.0 ends its connection unless it says keep-alive; SocketsHttpHandler has to be told.</summary>
public sealed class OldAnswerTests
{
    private static readonly string Close = Encoding.ASCII.GetString(OldAnswer.Field);

    [Theory]
    [InlineData("HTTP/1.0 200 OK\r\n", "Content-Length: 2\r\n\r\nok")]
    [InlineData("HTTP/1.0 200 OK\n", "\n")]
    [InlineData("HTTP/1.0 404\r\n", "X: keep-alive\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\n", "Connection: x-keep-alive\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\n", "Content-Type: text/plain\r\n\r\nConnection: keep-alive\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\n", "")]
    public void Close_is_said_behind_the_status_line(string line, string rest) => Assert.Equal(line + Close + rest, Seen(line + rest));

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\nX: y\r\ncONNECTION:x,\tKeep-Alive \r\n\r\n")]
    [InlineData("HTTP/1.0 200 O")]
    [InlineData("HTTP/1.0")]
    [InlineData("")]
    public void Other_answers_stay_as_they_are(string answer) => Assert.Equal(answer, Seen(answer));

    [Fact]
    public void A_full_buffer_is_left_alone()
    {
        var answer = Encoding.ASCII.GetBytes("HTTP/1.0 200 OK\r\n\r\n");
        Assert.Equal(answer.Length, OldAnswer.SayClose(answer, answer.Length));
    }

    private static string Seen(string answer)
    {
        var buffer = new byte[answer.Length + Close.Length];
        var count = OldAnswer.SayClose(buffer, Encoding.ASCII.GetBytes(answer, buffer));
        return Encoding.ASCII.GetString(buffer, 0, count);
    }
}
