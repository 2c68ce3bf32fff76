using System.Net;
using System.Net.Sockets;
using System.Text;
using DrainProxy.Scenarios.Tests.Harness;
using DrainProxy.Wire.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>
/// An HTTP/1.1 app that refuses a request before it has its body, and goes on reading: the client hears it while it still sends, the app
/// never gets what looks like a whole request, and no later request stands behind the broken one (RFC 9112 sections 8 and 9.3).
/// </summary>
public sealed class EarlyAnswerTests(WireProxy proxy)
{
    private const string Refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello";

    public static TheoryData<string, int> Answers => new()
    {
        { Refusal, 413 },
        { "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 403 },
        { "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", 503 },
        { "HTTP/1.1 4{pause}13 Too Large\r\nContent-Len{pause}gth: 5\r\n{pause}\r\n{pause}hello", 413 },
        { "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{pause}HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nhello", 413 },
        { "HTTP/1.0 413 Too Large\nContent-Length: 5\n\nhello", 413 },
        { "HTTP/1.1 413 Too Large\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", 413 },
        { $"HTTP/1.1 413 Too Large\r\nX-Large: {new string('x', 5000)}\r\nContent-Length: 5\r\n\r\nhello", 413 },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task A_refusal_comes_while_the_body_is_sent(string answer, int status)
    {
        foreach (var chunked in new[] { false, true })
        {
            await proxy.Use(lane => Refused(lane, answer, status, chunked));
            await proxy.UseTls(lane => Refused(lane, answer, status, chunked));
        }
    }

    /// <summary>How much is left unsent, and whether it fits into a buffer on the way, changes nothing.</summary>
    [Theory]
    [InlineData(10, 0)]
    [InlineData(10, 9)]
    [InlineData(4096, 4095)]
    [InlineData(5000, 1)]
    [InlineData(20_000, 19_999)]
    [InlineData(100_000, 34_464)]
    [InlineData(100_000, 34_463)]
    public Task A_refusal_comes_whatever_is_left_of_the_body(int length, int sent) => proxy.Use(async lane =>
    {
        _ = lane.App.Record(WireCase.Scripted(Refusal), early: true);
        using var client = await RawConnection.Open(lane.Port);
        await client.Send($"POST /r HTTP/1.1\r\nHost: a.test\r\nContent-Length: {length}\r\n\r\n{new string('f', sent)}");
        Assert.Equal((413, "hello"), await client.Answer() is var a ? (a.Status, a.Body) : default);
        await client.Send(new string('l', length - sent));
        Assert.Equal("GET /next", (await client.Exchange("GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n")).Body);
        return true;
    });

    /// <summary>What a 2xx says may depend on the rest of the body, so the body goes on and its answer waits.</summary>
    [Fact]
    public Task An_early_success_waits_for_the_body() => proxy.Use(async lane =>
    {
        var seen = lane.App.Record(WireCase.Scripted("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), early: true);
        using var client = await RawConnection.Open(lane.Port);
        await client.Send("POST /r HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nfirst");
        await Net.Eventually(() => Task.FromResult(seen.Requests.Count == 1), "the app has answered");
        await client.Send("later");
        Assert.Equal((200, "hello"), await client.Answer() is var a ? (a.Status, a.Body) : default);
        await Net.Eventually(() => Task.FromResult(seen.Bytes.Single().EndsWith("firstlater", StringComparison.Ordinal)), "the app has the whole body");
        return true;
    });

    /// <summary>The app may take the rest of the body for a next request, whose answer must not become another client's.</summary>
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData("HTTP/1.1 302 Found\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le{pause}ngth: 5\r\n\r\nhello")]
    public async Task An_answer_before_the_body_is_the_last_of_its_connection(string answer)
    {
        foreach (var used in new[] { false, true })
        {
            await proxy.Use(lane => AnsweredAtTheHead(lane, answer, used));
            await proxy.Use(lane => AnsweredAtTheHead(lane, answer, used, expects: true));
            await proxy.UseTls(lane => AnsweredAtTheHead(lane, answer, used));
        }
    }

    /// <summary>The client has announced its body and hears that nobody wants it.</summary>
    [Fact]
    public Task A_refusal_of_an_announced_body_is_the_last_of_its_connection() => proxy.Use(async lane =>
    {
        var seen = lane.App.Record(WireCase.Scripted(Refusal), early: true);
        using var client = await RawConnection.Open(lane.Port);
        await client.Send("POST /r HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        Assert.Equal(413, (await client.Answer()).Status);
        await RawClient.Exchange(lane.Port, "GET /plain HTTP/1.1\r\nHost: a.test\r\n\r\n", ["GET"], untilEnd: false, leave: false);
        Assert.Equal(2, seen.Bytes.Count);
        return true;
    });

    [Fact]
    public Task An_answer_behind_the_body_leaves_its_connection_in_use() => proxy.Use(async lane =>
    {
        var seen = lane.App.Record(null);
        foreach (var body in (string[])["Content-Length: 6\r\n\r\nabc{pause}def", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n{pause}3\r\ndef\r\n0\r\n\r\n", "Content-Length: 3\r\n\r\n{pause}abc"])
            Assert.Single((await RawClient.Exchange(lane.Port, "PUT /r HTTP/1.1\r\nHost: a.test\r\n" + body, ["PUT"], untilEnd: false, leave: false)).Finals);
        Assert.Equal(3, seen.Requests.Count);
        Assert.Single(seen.Bytes);
        return true;
    });

    /// <summary>An app that takes no more of the body holds the write up, and with it the answer.</summary>
    [Fact]
    public async Task A_refusal_comes_through_a_body_that_the_app_does_not_take()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var child = DrainProxyProcess.Start($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
        var app = Task.Run(async () =>
        {
            while (true)
            {
                var socket = await listener.AcceptSocketAsync();
                var buffer = new byte[100];
                var count = await socket.ReceiveAsync(buffer);
                if (count > 0 && buffer[0] == 'P') await socket.SendAsync(Encoding.ASCII.GetBytes(Refusal));
            }
        });
        await child.Ready();
        using var client = await RawConnection.Open(child.Port);
        var sending = client.Send($"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000000\r\n\r\n{new string('x', 50_000_000)}");
        Assert.Equal((413, "hello"), await client.Answer() is var a ? (a.Status, a.Body) : default);
        await sending;
        // In step: what comes next is a request.
        var second = client.Exchange("POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(413, (await second).Status);
        listener.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => app);
    }

    private static async Task<bool> Refused(Lane lane, string answer, int status, bool chunked)
    {
        // Connections that have carried others and new ones: each refusal ends one.
        for (var i = 0; i < 3; i++)
        {
            var seen = lane.App.Record(WireCase.Scripted(answer), early: true);
            using var client = await RawConnection.Open(lane.Port);
            await client.Send(chunked
                ? "POST /r HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
                : "POST /r HTTP/1.1\r\nHost: a.test\r\nContent-Length: 500000\r\n\r\nfirst");
            var heard = await client.Answer();
            Assert.Equal((status, status == 503 ? "" : "hello"), (heard.Status, heard.Body));
            Assert.Equal("", heard.Field("Connection"));
            await client.Send(chunked ? "5\r\nlater\r\n0\r\n\r\n" : new string('l', 499_995));
            Assert.Equal("GET /next", (await client.Exchange("GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n")).Body);
            Assert.Empty(seen.Faults);
            Assert.Equal(["/r", "/next"], seen.Requests.Select(r => r.Target));
            var broken = seen.Bytes.Single(b => b.StartsWith("POST /r ", StringComparison.Ordinal));
            // How much of the part before it got is a race; of the part behind, it gets nothing.
            Assert.Matches(chunked ? "\r\n\r\n(5\r\nfirst\r\n)?$" : "\r\n\r\n(first)?$", broken);
        }

        return true;
    }

    private static async Task<bool> AnsweredAtTheHead(Lane lane, string answer, bool used, bool expects = false)
    {
        const string Inner = "GET /inner HTTP/1.1\r\nHost: a.test\r\n\r\n";
        const string Plain = "GET /plain HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";
        if (used) await RawClient.Exchange(lane.Port, Plain, ["GET"], untilEnd: true, leave: false);
        var seen = lane.App.Record(WireCase.Scripted(answer), early: true);
        using var client = await RawConnection.Open(lane.Port);
        var (field, first) = expects ? ("Expect: 100-continue\r\n", "") : ("", Inner);
        await client.Send($"POST /r HTTP/1.1\r\nHost: a.test\r\n{field}Content-Length: {first.Length + Inner.Length}\r\n\r\n{first}");
        await Net.Eventually(() => Task.FromResult(seen.Requests.Count == 1), "the app has answered");
        // What it says has to be here before the rest is sent; the pause stands for a client that takes its time.
        await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        await client.Send(Inner);
        Assert.Equal("hello", (await client.Answer()).Body);
        await RawClient.Exchange(lane.Port, Plain, ["GET"], untilEnd: true, leave: false);
        Assert.Equal(2, seen.Bytes.Count);
        Assert.EndsWith(Inner, seen.Bytes[0], StringComparison.Ordinal);
        Assert.StartsWith("GET /plain ", seen.Bytes[1], StringComparison.Ordinal);
        return true;
    }
}
