using System.Text;
using DrainProxy.Scenarios.Tests.Harness;
using DrainProxy.Wire.Tests.Harness;
using static DrainProxy.Wire.Tests.Harness.Http2Client;

namespace DrainProxy.Wire.Tests;

/// <summary>HTTP/2 frame by frame: what is malformed never reaches an HTTP/1.1 app as a whole request (RFC 9113 sections 8.1 to 8.3).</summary>
public sealed class Http2Tests(WireProxy proxy)
{
    private static readonly (string, string)[] Plain = Request("GET", "/h2");

    /// <summary>Header blocks that a gateway must not pass on, by name.</summary>
    private static readonly Dictionary<string, (string Name, string Value)[]> Malformed = new()
    {
        ["row 42: name in upper case"] = [.. Plain, ("X-Upper", "a")],
        ["row 42: one upper-case letter"] = [.. Plain, ("x-uppeR", "a")],
        ["row 42: connection"] = [.. Plain, ("connection", "keep-alive")],
        ["row 42: connection close"] = [.. Plain, ("connection", "close")],
        ["row 42: connection nominating"] = [.. Plain, ("connection", "x-a"), ("x-a", "b")],
        ["row 42: keep-alive"] = [.. Plain, ("keep-alive", "timeout=5")],
        ["row 42: proxy-connection"] = [.. Plain, ("proxy-connection", "keep-alive")],
        ["row 42: transfer-encoding"] = [.. Plain, ("transfer-encoding", "chunked")],
        ["row 42: transfer-encoding with a tab"] = [.. Plain, ("transfer-encoding\t", "chunked")],
        ["row 42: upgrade"] = [.. Plain, ("upgrade", "h2c")],
        ["row 42: te other than trailers"] = [.. Plain, ("te", "gzip")],
        ["row 42: no :method"] = [(":scheme", "http"), (":path", "/"), (":authority", "a.test")],
        ["row 42: no :path"] = [(":method", "GET"), (":scheme", "http"), (":authority", "a.test")],
        ["row 42: no :scheme"] = [(":method", "GET"), (":path", "/"), (":authority", "a.test")],
        ["row 42: no pseudo-field"] = [("x-a", "b")],
        ["row 42: two :method"] = [.. Plain, (":method", "POST")],
        ["row 42: two :path"] = [(":path", "/other"), .. Plain],
        ["row 42: two :scheme"] = [(":scheme", "http"), .. Plain],
        ["row 42: two :authority"] = [(":authority", "b.test"), .. Plain],
        ["row 42: unknown pseudo-field"] = [(":odd", "a"), .. Plain],
        ["row 42: :status in a request"] = [(":status", "200"), .. Plain],
        ["row 42: pseudo-field behind a field"] = [("x-a", "b"), .. Plain],
        ["row 42: :protocol without CONNECT"] = [(":protocol", "websocket"), .. Plain],
        ["row 13: CONNECT"] = [(":method", "CONNECT"), (":authority", "a.test:443")],
        ["row 13: CONNECT with path"] = Request("CONNECT", "/"),
        ["row 43: empty :path"] = Request("GET", ""),
        ["row 43: :path without slash"] = Request("GET", "h2"),
        ["row 43: :path with a host"] = Request("GET", "http://b.test/"),
        ["row 43: :path star on GET"] = Request("GET", "*"),
        ["row 43: :path with space"] = Request("GET", "/a b"),
        ["row 43: :path with a request line"] = Request("GET", "/ HTTP/1.1\r\nHost: b.test\r\n\r\nGET /smuggled"),
        ["row 43: :path with LF"] = Request("GET", "/\nX: y"),
        ["row 43: :path with NUL"] = Request("GET", "/\0"),
        ["row 43: :path with tab"] = Request("GET", "/a\tb"),
        ["row 43: :path with DEL"] = Request("GET", "/a\u007F"),
        ["row 43: :method with space"] = Request("GET /smuggled HTTP/1.1\r\nx:", "/"),
        ["row 43: :method empty"] = Request("", "/"),
        ["row 43: :method not a token"] = Request("GE(T", "/"),
        ["row 43: :scheme with CR LF"] = [(":method", "GET"), (":scheme", "http\r\nx: y"), (":path", "/"), (":authority", "a.test")],
        ["row 43: :authority with CR LF"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test\r\nx: y")],
        ["row 43: :authority with slash"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test/b")],
        ["row 43: :authority with userinfo"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a.test")],
        ["row 43: :authority with space"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a .test")],
        ["row 11: neither host nor :authority"] = [(":method", "GET"), (":scheme", "http"), (":path", "/")],
        ["row 11: empty :authority"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "")],
        ["row 11: empty host"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "")],
        ["row 11: port beyond all ports"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a.test:65536")],
        ["row 41: websocket without :authority"] = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws")],
        ["row 11: two hosts"] = [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a.test"), ("host", "b.test")],
        ["row 43: value with CR LF"] = [.. Plain, ("x-a", "b\r\nx-evil: c")],
        ["row 43: value with LF"] = [.. Plain, ("x-a", "b\nx-evil: c")],
        ["row 43: value with CR"] = [.. Plain, ("x-a", "b\rc")],
        ["row 43: value with NUL"] = [.. Plain, ("x-a", "b\0c")],
        ["row 43: value with a request"] = [.. Plain, ("x-a", "b\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n")],
        ["row 43: name empty"] = [.. Plain, ("", "b")],
        ["row 43: name with space"] = [.. Plain, ("x a", "b")],
        ["row 43: name with colon"] = [.. Plain, ("x-a:b", "c")],
        ["row 43: name with CR LF"] = [.. Plain, ("x-a: b\r\nx-evil", "c")],
        ["row 43: name with NUL"] = [.. Plain, ("x\0a", "b")],
        ["row 43: name with DEL"] = [.. Plain, ("x\u007Fa", "b")],
        ["row 43: name not ASCII"] = [.. Plain, ("x\u00FCa", "b")],
        ["row 43: name with parenthesis"] = [.. Plain, ("x(a", "b")],
        ["row 20: length with plus"] = [.. Request("GET", "/"), ("content-length", "+0")],
        ["row 20: length of words"] = [.. Request("GET", "/"), ("content-length", "abc")],
        ["row 20: length negative"] = [.. Request("GET", "/"), ("content-length", "-1")],
        ["row 20: two lengths"] = [.. Request("GET", "/"), ("content-length", "0"), ("content-length", "1")],
        ["row 42: length without DATA"] = [.. Request("POST", "/"), ("content-length", "5")],
        ["row 48: fields of 200,000 bytes"] = [.. Plain, .. Enumerable.Range(0, 20).Select(i => ($"x-{i}", new string('v', 10_000)))],
    };

    /// <summary>Values that a recipient may also clean instead of refusing (edge blanks, RFC 9113 section 8.2.1, and controls).</summary>
    private static readonly Dictionary<string, (string Name, string Value)[]> RefusedOrCleaned = new()
    {
        ["row 43: value begins with space"] = [.. Plain, ("x-a", " b")],
        ["row 43: value ends with space"] = [.. Plain, ("x-a", "b ")],
        ["row 43: value begins with tab"] = [.. Plain, ("x-a", "\tb")],
        ["row 43: value ends with tab"] = [.. Plain, ("x-a", "b\t")],
        ["row 19: value with bell"] = [.. Plain, ("x-a", "b\u0007c")],
        ["row 19: value with DEL"] = [.. Plain, ("x-a", "b\u007Fc")],
    };

    public static TheoryData<string> MalformedBlocks => [.. Malformed.Keys];

    public static TheoryData<string> BlankBlocks => [.. RefusedOrCleaned.Keys];

    [Theory]
    [MemberData(nameof(MalformedBlocks))]
    public Task A_malformed_header_block_never_reaches_the_app(string name) => OnLane(name, async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block(Malformed[name]));
        var end = await End(connection, 1);
        Assert.True(end.IsRefused, $"{end}");
        Assert.Empty(seen.Requests);
        Assert.Empty(seen.Faults);
    });

    [Theory]
    [MemberData(nameof(BlankBlocks))]
    public Task A_value_with_bytes_at_its_edge_is_refused_or_cleaned(string name) => OnLane(name, async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block(RefusedOrCleaned[name]));
        var end = await End(connection, 1);
        // The strict reader of the app faults on what must not be in a value.
        Assert.Empty(seen.Faults);
        if (!end.IsRefused) Assert.Equal("b", Assert.Single(Assert.Single(seen.Requests).Values("x-a")));
    });

    [Fact]
    public Task Authority_counts_where_host_says_otherwise() => OnLane("row 12: host is not :authority", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block([.. Plain, ("host", "b.test")]));
        if ((await End(connection, 1)).IsRefused) Assert.Empty(seen.Requests);
        else Assert.Equal("a.test", Assert.Single(Assert.Single(seen.Requests).Values("Host")));
    });

    /// <summary>Envoy sends the scheme that its own client used, HAProxy always this one and `host` instead of `:authority`.</summary>
    [Theory]
    [InlineData(":authority")]
    [InlineData("host")]
    public Task A_scheme_that_is_not_the_transports_is_served_and_not_believed(string name) => OnLane($"row 55: https over clear text, {name}", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block([(":method", "GET"), (":scheme", "https"), (":path", "/h2"), (name, "a.test")]));
        Assert.Equal(200, (await End(connection, 1)).Status);
        var request = Assert.Single(seen.Requests);
        Assert.Equal("a.test", Assert.Single(request.Values("Host")));
        Assert.Equal("http", Assert.Single(request.Values("X-Forwarded-Proto")));
    });

    [Theory]
    [InlineData("5", "hell")]
    [InlineData("5", "hello!")]
    [InlineData("0", "hello")]
    [InlineData("5", "")]
    [InlineData("+5", "hello")]
    [InlineData("5, 5", "hello")]
    [InlineData("99999999999999999999", "hello")]
    public Task A_length_that_is_not_that_of_the_data_is_never_completed(string length, string data) => OnLane($"row 42: length {length} with {data.Length} bytes", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/length", ("content-length", length))));
        await connection.Send(FrameType.Data, EndStream, 1, Encoding.ASCII.GetBytes(data));
        Assert.True((await End(connection, 1)).IsRefused);
        Assert.Empty(seen.Requests);
        Assert.Empty(seen.Faults);
    });

    /// <summary>What an app of HTTP/1.1 takes for the whole request is not sent before the stream has ended well.</summary>
    [Theory]
    [InlineData("0", "", "hello")]
    [InlineData("5", "hello", "more")]
    [InlineData("5", "hello", "")]
    [InlineData("5", "hello", null)]
    [InlineData("0", "", null)]
    public Task Content_of_the_right_length_waits_for_its_end(string length, string data, string? more) => OnLane($"row 42: length {length}, then {more?.Length}", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/length", ("content-length", length))));
        if (data.Length > 0) await connection.Send(FrameType.Data, 0, 1, Encoding.ASCII.GetBytes(data));
        // By then an app would have it.
        using (var other = await RawHttp2.Open(lane.Port))
        {
            await SendBlock(other, 1, Block(Request("GET", "/other")));
            Assert.Equal("GET /other", (await End(other, 1)).Body);
        }

        Assert.Equal("/other", Assert.Single(seen.Requests).Target);
        // Without more, a trailer that is none.
        if (more is null) await connection.Send(FrameType.Headers, EndHeaders | EndStream, 1, Block(("x-t", "a\nb: c")));
        else await connection.Send(FrameType.Data, EndStream, 1, Encoding.ASCII.GetBytes(more));
        var end = await End(connection, 1);
        Assert.Equal(more == "" ? 2 : 1, seen.Requests.Count);
        if (more == "") Assert.Equal((200, "hello"), (end.Status, seen.Requests[1].Body));
        else Assert.True(end.IsRefused, $"{end}");
        Assert.Empty(seen.Faults);
    });

    [Theory]
    [InlineData("/a%2Fb/../c?q=%zz", "GET")]
    [InlineData("/", "PROPFIND")]
    [InlineData("/x", "get")]
    [InlineData("*", "OPTIONS")]
    public Task Method_and_target_pass_byte_for_byte(string path, string method) => OnLane($"row 9: {method} {path}", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block(Request(method, path)));
        Assert.Equal(200, (await End(connection, 1)).Status);
        Assert.Equal($"{method} {path} HTTP/1.1", Assert.Single(seen.Requests).StartLine);
    });

    [Fact]
    public Task Cookie_crumbs_are_joined_for_an_http_1_app() => OnLane("row 44: crumbs", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await SendBlock(connection, 1, Block([.. Plain, ("cookie", "a=b"), ("x-a", "\u00C3\u00BC"), ("cookie", "c=d"), ("cookie", "e=f")]));
        Assert.Equal(200, (await End(connection, 1)).Status);
        var request = Assert.Single(seen.Requests);
        Assert.Equal("a=b; c=d; e=f", Assert.Single(request.Values("Cookie")));
        Assert.Equal("\u00C3\u00BC", Assert.Single(request.Values("x-a")));
        Assert.Equal("a.test", Assert.Single(request.Values("Host")));
        Assert.Contains("2 drainproxy", Assert.Single(request.Values("Via")), StringComparison.Ordinal);
    });

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task A_WebSocket_over_HTTP2_opens_with_a_key_of_our_own(bool clientHasKey) => OnLane($"row 41: websocket, key {clientHasKey}", async (lane, seen) =>
    {
        // The answer without Sec-WebSocket-Accept is none that a gateway may take for the opening (RFC 6455 section 4.1): our own error.
        lane.App.Record(WireCase.Scripted("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n{fin}"), seen);
        using var connection = await RawHttp2.Open(lane.Port);
        (string, string)[] opening = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "a.test"), ("sec-websocket-version", "13")];
        if (clientHasKey) opening = [.. opening, ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(opening));
        var end = await End(connection, 1);
        Assert.True(end.IsRefused, $"{end}");
        if (clientHasKey)
        {
            Assert.Empty(seen.Requests);
            return;
        }

        var request = Assert.Single(seen.Requests);
        Assert.Equal("GET /ws HTTP/1.1", request.StartLine);
        Assert.Equal("websocket", Assert.Single(request.Values("Upgrade")));
        Assert.Equal(24, Assert.Single(request.Values("Sec-WebSocket-Key")).Length);
    });

    [Fact]
    public Task A_WebSocket_over_HTTP2_that_the_app_answers_with_200_is_not_open() => OnLane("row 41: websocket, 200", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block([(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "a.test")]));
        var end = await End(connection, 1);
        Assert.Equal(502, end.Status);
        Assert.Contains("http_protocol_error", end.Body, StringComparison.Ordinal);
        Assert.Single(seen.Requests);
    });

    [Theory]
    [InlineData("PING", 6, 0)]
    [InlineData("HEADERS", 1, 5)]
    [InlineData("SETTINGS with ACK", 4, 1)]
    public Task A_client_that_does_not_begin_with_settings_is_not_listened_to(string what, int type, int flags) => OnLane("row 42: preface, " + what, async (lane, seen) =>
    {
        var payload = type == 1 ? Block(Plain) : type == 6 ? new byte[8] : [];
        byte[] frame = [0, 0, (byte)payload.Length, (byte)type, (byte)flags, 0, 0, 0, (byte)(type == 1 ? 1 : 0), .. payload];
        using var client = await RawConnection.Open(lane.Port);
        await client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Encoding.Latin1.GetString(frame));
        var (told, end) = await client.Rest();
        // SETTINGS, since they come first, and GOAWAY with PROTOCOL_ERROR (RFC 9113 section 3.4).
        Assert.Equal("\0\0\0\x4\0\0\0\0\0\0\0\x8\a\0\0\0\0\0\x7F\xFF\xFF\xFF\0\0\0\x1", told);
        Assert.Equal(RawEnd.Fin, end);
        Assert.Empty(seen.Requests);
    });

    [Fact]
    public Task A_body_without_length_arrives_whole() => OnLane("row 7: body", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/body")));
        await connection.Send(FrameType.Data, 0, 1, "hel"u8.ToArray());
        await connection.Send(FrameType.Data, 0, 1, []);
        // Padded (RFC 9113 section 6.1): one byte of length, the data, two bytes of padding.
        await connection.Send(FrameType.Data, 8, 1, [2, (byte)'l', (byte)'o', 0, 0]);
        await connection.Send(FrameType.Data, EndStream, 1, []);
        Assert.Equal(200, (await End(connection, 1)).Status);
        Assert.Equal("hello", Assert.Single(seen.Requests).Body);
    });

    [Fact]
    public Task Trailers_never_become_header_fields() => OnLane("row 28: trailers", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/trailers", ("trailer", "x-t"))));
        await connection.Send(FrameType.Data, 0, 1, "hello"u8.ToArray());
        await connection.Send(FrameType.Headers, EndHeaders | EndStream, 1, Block(("x-t", "a"), ("authorization", "evil")));
        Assert.Equal(200, (await End(connection, 1)).Status);
        var request = Assert.Single(seen.Requests);
        Assert.Equal("hello", request.Body);
        Assert.False(request.Has("x-t"));
        Assert.False(request.Has("authorization"));
    });

    [Theory]
    [InlineData(":path")]
    [InlineData("X-T")]
    [InlineData("connection")]
    [InlineData("transfer-encoding")]
    [InlineData("x-t", "a\nb: c")]
    [InlineData("x-t", "a\0b")]
    public Task Malformed_trailers_never_complete_a_request(string name, string value = "/a") => OnLane($"row 28: trailer {name} {value.Length}", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/trailers")));
        await connection.Send(FrameType.Data, 0, 1, "hello"u8.ToArray());
        await connection.Send(FrameType.Headers, EndHeaders | EndStream, 1, Block((name, value)));
        Assert.True((await End(connection, 1)).IsRefused);
        Assert.Empty(seen.Requests);
    });

    [Theory]
    [InlineData("DATA on an idle stream", 0, 0, 3)]
    [InlineData("DATA on stream 0", 0, 0, 0)]
    [InlineData("HEADERS on an even stream", 1, 5, 2)]
    [InlineData("HEADERS on stream 0", 1, 5, 0)]
    [InlineData("PUSH_PROMISE of a client", 5, 4, 1)]
    [InlineData("CONTINUATION out of nowhere", 9, 4, 1)]
    [InlineData("RST_STREAM on an idle stream", 3, 0, 3)]
    [InlineData("PING of three bytes", 6, 0, 0)]
    [InlineData("SETTINGS of three bytes", 4, 0, 0)]
    [InlineData("WINDOW_UPDATE of three bytes", 8, 0, 0)]
    public Task A_frame_out_of_place_ends_the_connection(string what, int type, int flags, int stream) => OnLane("row 42: " + what, async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        var payload = type == 1 ? Block(Plain) : [1, 2, 3];
        await connection.Send((FrameType)type, (byte)flags, stream, payload);
        var end = await End(connection, 1);
        Assert.True(end.GoAway is > 0 || end.ConnectionEnded, $"{what}: {end}");
        Assert.Empty(seen.Requests);
    });

    [Fact]
    public Task A_window_of_zero_holds_the_body_back_and_nobody_else() => OnLane("row 57: window of zero", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        // SETTINGS_INITIAL_WINDOW_SIZE is 4 (RFC 9113 section 6.5.2).
        await connection.Send(FrameType.Settings, 0, 0, [0, 4, 0, 0, 0, 0]);
        await SendBlock(connection, 1, Block(Plain));
        var head = await NextOf(connection, FrameType.Headers);
        Assert.Equal(200, Status(head.Payload));
        using (var other = await RawHttp2.Open(lane.Port))
        {
            await SendBlock(other, 1, Block(Request("GET", "/other")));
            Assert.Equal("GET /other", (await End(other, 1)).Body);
        }

        await connection.Send(FrameType.WindowUpdate, 0, 1, [0, 0, 4, 0]);
        Assert.Equal("GET /h2", (await End(connection, 1)).Body);
        Assert.Equal(2, seen.Requests.Count);
    });

    [Fact]
    public Task A_hundred_streams_of_one_connection_get_their_own_answers() => OnLane("row 34: a hundred streams", async (lane, seen) =>
    {
        using var connection = await RawHttp2.Open(lane.Port);
        for (var i = 0; i < 100; i++) await SendBlock(connection, (2 * i) + 1, Block(Request("GET", $"/stream/{i}")));
        var bodies = new Dictionary<int, string>();
        var ended = 0;
        while (ended < 100)
        {
            var frame = await connection.Next() ?? throw new IOException("ended");
            if (frame.Type == FrameType.Data) bodies[frame.Stream] = bodies.GetValueOrDefault(frame.Stream) + Encoding.ASCII.GetString(frame.Payload);
            if (frame.EndsStream) ended++;
        }

        Assert.All(Enumerable.Range(0, 100), i => Assert.Equal($"GET /stream/{i}", bodies[(2 * i) + 1]));
        Assert.Equal(100, seen.Requests.Count);
    });

    private static async Task SendBlock(RawHttp2 connection, int stream, byte[] block)
    {
        const int Most = 16_000;
        try
        {
            for (var at = 0; at < block.Length; at += Most)
            {
                var last = at + Most >= block.Length;
                var part = block[at..Math.Min(at + Most, block.Length)];
                if (at == 0) await connection.Send(FrameType.Headers, (byte)(EndStream | (last ? EndHeaders : 0)), stream, part);
                else await connection.Send(Continuation, (byte)(last ? EndHeaders : 0), stream, part);
            }
        }
        catch (IOException)
        {
            // Refused before all was sent.
        }
    }

    private static async Task<Frame> NextOf(RawHttp2 connection, FrameType type)
    {
        while (true)
        {
            var frame = await connection.Next() ?? throw new IOException("the connection ended");
            if (frame.Type == type) return frame;
        }
    }

    /// <summary>A lane of its own, and a plain GET afterwards that has to work; what is listed as a gap has to fail.</summary>
    private Task<bool> OnLane(string name, Func<Lane, Sighting, Task> work) => proxy.Use(async lane =>
    {
        await Corpus.Gapped("h2 " + name, () => work(lane, lane.App.Record(null)));
        var seen = lane.App.Record(null);
        var after = await RawClient.Exchange(lane.Port, "GET /after HTTP/1.1\r\nHost: after.test\r\n\r\n", ["GET"], untilEnd: false, leave: false);
        Assert.Equal("GET /after", Assert.Single(after.Finals).Body);
        Assert.Equal(["GET /after HTTP/1.1"], seen.Requests.Select(request => request.StartLine));
        return true;
    });
}
