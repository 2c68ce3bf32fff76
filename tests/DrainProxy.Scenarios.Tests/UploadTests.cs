using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Uploads at the client's own pace are passed on as they come.</summary>
[Trait("needs", "tools")]
public sealed class UploadTests
{
    [Theory]
    [InlineData("Content-Length: 40", "ten bytes.", "")]
    [InlineData("Transfer-Encoding: chunked", "a\r\nten bytes.\r\n", "0\r\n\r\n")]
    public async Task Bytes_reach_the_app_before_the_next_ones_are_sent(string framing, string part, string last)
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        using var http = new HttpClient();
        await client.Send($"POST /count HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        for (var i = 1; i <= 4; i++)
        {
            await client.Send(part);
            await Net.Eventually(async () => await http.GetStringAsync($"http://127.0.0.1:{app.Port}/received") == $"{10 * i}", $"{10 * i} bytes at the app", 3);
        }

        if (last.Length > 0) await client.Send(last);
        Assert.Equal("40", (await client.Answer()).Body);
    }
}
