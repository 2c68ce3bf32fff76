using DrainProxy.Scenarios.Tests.Harness;
using DrainProxy.Wire.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>A client of a WebSocket may end its half of the connection right behind its Close (RFC 6455 section 7.1.1 only advises against it).</summary>
public sealed class WebSocketEndTests(WireProxy proxy)
{
    private const string Opening =
        "GET /ws HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    /// <summary>A text and a Close 1000.</summary>
    private const string LastWords = "\u0081\u0004last\u0088\u0002\u0003\u00E8";

    /// <summary>Close 1000, masked with zeros.</summary>
    private const string Close = "\u0088\u0082\0\0\0\0\u0003\u00E8";

    [Fact]
    public async Task A_client_that_leaves_behind_its_Close_hears_the_apps_last_words()
    {
        var (text, end) = await proxy.Use(async lane =>
        {
            lane.App.Record(WireCase.Scripted("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{pause}{pause}{pause}{pause}{pause}" + LastWords + "{fin}"));
            using var client = await RawConnection.Open(lane.Port);
            await client.Send(Opening);
            Assert.Equal(101, (await client.Answer(toHead: true)).Status);
            await client.Send(Close);
            client.EndOurHalf();
            return await client.Rest();
        });
        Assert.Equal((LastWords, RawEnd.Fin), (text, end));
    }
}
