using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>A reader at its own pace gets all of it.</summary>
[Trait("needs", "tools")]
public sealed class DownloadTests
{
    [Fact]
    public async Task A_client_may_pause_in_its_download()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
        while ((await client.Line()).Length > 0)
        {
            // The fields.
        }

        await Net.Pause(12);
        Assert.Equal(64 << 20, (await client.Bytes(64 << 20)).Length);
    }
}
