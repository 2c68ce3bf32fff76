using System.Net;
using DrainProxy.Wire.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>An app that speaks HTTP/1.0 closes after each answer without saying so (RFC 9112 section 9.3): its connection is not used again.</summary>
public sealed class OldAppTests(WireProxy proxy)
{
    [Theory]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 2)]
    [InlineData("HTTP/1.0 200 OK\r\n{pause}Content-Length: 2\r\n\r\n{pause}ok", 2)]
    [InlineData("HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok", 1)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 1)]
    public async Task A_second_request_goes_where_the_first_answer_lets_it(string answer, int connections)
    {
        Assert.Equal(connections, await proxy.Use(lane => PostTwice(lane, answer)));
        Assert.Equal(connections, await proxy.UseTls(lane => PostTwice(lane, answer)));
    }

    private static async Task<int> PostTwice(Lane lane, string answer)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(20) };
        var address = $"http://127.0.0.1:{lane.Port}/old";
        var seen = lane.App.Record(WireCase.Scripted(answer));
        for (var i = 0; i < 2; i++)
        {
            using var content = new StringContent("body");
            using var response = await http.PostAsync(address, content, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Null(response.Headers.ConnectionClose);
        }

        return seen.Bytes.Count;
    }
}
