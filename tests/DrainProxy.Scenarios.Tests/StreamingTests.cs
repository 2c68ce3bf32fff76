using System.Net;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Messages pass as they come, in both directions and in odd orders.</summary>
[Trait("needs", "tools")]
public sealed class StreamingTests
{
    [Fact]
    public async Task Chunks_of_an_answer_pass_one_by_one()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("GET /drip HTTP/1.1\r\nHost: x\r\n\r\n");
        while ((await client.Line()).Length > 0)
        {
            // The fields.
        }

        Assert.Equal(["4", "head"], [await client.Line(), await client.Line()]);

        // The app sends the next chunk only when told so by another request: nobody on the way may gather.
        using var http = new HttpClient();
        for (var i = 0; i < 5; i++)
        {
            await http.GetStringAsync($"http://127.0.0.1:{app.Port}/drop");
            Assert.Equal("6", await client.Line());
            Assert.Equal($"drop {i}", await client.Bytes(6));
            await client.Line();
        }
    }

    [Fact]
    public async Task The_head_of_an_answer_does_not_wait_for_its_body()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("GET /head-first HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal("HTTP/1.1 200 OK", await client.Line());
        while ((await client.Line()).Length > 0)
        {
            // The fields; the body never comes.
        }
    }

    [Fact]
    public async Task Trailers_of_the_app_arrive_where_the_protocol_has_them()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{proxy.Port}/trailers")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await http.SendAsync(request);
        Assert.Equal("body", await answer.Content.ReadAsStringAsync());
        Assert.Equal("42", answer.TrailingHeaders.GetValues("X-Checksum").Single());
    }

    [Fact]
    public async Task An_answer_that_comes_before_the_body_arrives_whole()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        var answer = await client.Exchange($"POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{new string('x', 1_000_000)}");
        Assert.Equal((413, "too large"), (answer.Status, answer.Body));
    }

    [Fact]
    public async Task A_refusal_of_node_comes_while_the_client_still_sends()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nbegin");
        var answer = await client.Answer();
        Assert.Equal((413, "too large"), (answer.Status, answer.Body));
        await client.Send(new string('x', 999_995));
        Assert.Equal("5", (await client.Exchange("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nafter")).Body);

        using var http2 = await RawHttp2.Open(proxy.Port);
        await http2.Post(1, "/early");
        await http2.Send(FrameType.Data, 0, 1, "begin"u8.ToArray());
        Assert.Equal("too large", (await http2.Answer(1)).Body);
        await http2.Send(FrameType.Data, 1, 1, "end"u8.ToArray());
        await http2.Get(3, "/length");
        Assert.Equal("12345", (await http2.Answer(3)).Body);
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 0, "nothing is in flight");
    }

    [Fact]
    public async Task Answers_without_a_body_keep_the_connection_in_step()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send("HEAD /length HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal("5", (await client.Answer(toHead: true)).Field("Content-Length"));
        Assert.Equal(204, (await client.Exchange("GET /empty HTTP/1.1\r\nHost: x\r\n\r\n")).Status);
        Assert.Equal(304, (await client.Exchange("GET /same HTTP/1.1\r\nHost: x\r\n\r\n")).Status);
        Assert.Equal("12345", (await client.Exchange("GET /length HTTP/1.1\r\nHost: x\r\n\r\n")).Body);
    }

    [Fact]
    public async Task Requests_in_one_write_are_answered_in_their_order()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        await client.Send(string.Concat(Enumerable.Range(0, 5).Select(i => $"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: {i}\r\n\r\n{new string('x', i)}")));
        for (var i = 0; i < 5; i++) Assert.Equal($"{i}", (await client.Answer()).Body);
    }

    [Fact]
    public async Task Curl_speaks_http2_with_prior_knowledge()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        await using var curl = Child.Start(Tool.Find("curl", "curl"),
            ["-sS", "--max-time", "10", "--http2-prior-knowledge", "-d", "body", "-w", "\n%{http_version} %{http_code}", $"http://127.0.0.1:{proxy.Port}/count"]);
        Assert.Equal(0, await curl.Exit(TimeSpan.FromSeconds(15)));
        Assert.Equal(["4", "2 200"], curl.Lines);
    }

    [Fact]
    public async Task A_body_that_the_app_cuts_is_not_passed_off_as_whole()
    {
        await using var app = await NodeScript.Start("streams.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient();
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://127.0.0.1:{proxy.Port}/cut")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            await Assert.ThrowsAnyAsync<IOException>(async () =>
            {
                await using var body = await answer.Content.ReadAsStreamAsync();
                await body.CopyToAsync(Stream.Null);
            });
        }
    }
}
