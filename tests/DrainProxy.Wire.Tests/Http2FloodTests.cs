using System.Buffers.Binary;
using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;
using DrainProxy.Wire.Tests.Harness;
using static DrainProxy.Wire.Tests.Harness.Http2Client;

namespace DrainProxy.Wire.Tests;

/// <summary>Frames that cost the sender nothing: counted, then the connection ends, and nobody else notices (RFC 9113 section 10.5).</summary>
public sealed class Http2FloodTests(WireProxy proxy)
{
    /// <summary>More frames than any good client sends in ten seconds; a flood has as many in a tenth of one.</summary>
    private const int Bound = 20_000;
    private const int Batch = 250;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public static TheoryData<string> Kinds => ["ping", "ping ack", "settings", "priority", "empty data", "continuation", "unknown", "reset", "window update of zero", "headers and reset in turns",
        "one byte of data", "padding alone", "window update", "stream window update", "empty headers", "goaway", "priority update", "reset of what has ended", "full continuation"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public Task A_flood_ends_its_connection_within_a_counted_bound(string kind) => proxy.UseApart(async lane =>
    {
        lane.App.Record(null);
        var received = await Flood(lane.Port, kind);
        Assert.True(received is not null, $"{Bound} frames were taken without an end");
        Assert.True(SaysGoAway(received), "ended without GOAWAY: " + Told(received));
        var after = await RawClient.Exchange(lane.Port, "GET /after HTTP/1.1\r\nHost: after.test\r\n\r\n", ["GET"], untilEnd: false, leave: false);
        Assert.Equal("GET /after", Assert.Single(after.Finals).Body);
        return true;
    });

    [Fact]
    public Task A_client_that_pings_now_and_then_is_served() => proxy.Use(async lane =>
    {
        lane.App.Record(null);
        using var connection = await RawHttp2.Open(lane.Port);
        for (var i = 0; i < 200; i++)
        {
            await connection.Send(FrameType.Ping, 0, 0, new byte[8]);
            await connection.Send(FrameType.Headers, EndHeaders | EndStream, (2 * i) + 1, Block(Request("GET", "/quiet")));
            Assert.Equal(200, (await End(connection, (2 * i) + 1)).Status);
        }

        return true;
    });

    /// <summary>As gRPC sends them: more messages than the bound of any flood, each in a frame of its own, and the windows kept open.</summary>
    [Fact]
    public Task Many_small_messages_are_no_flood() => proxy.Use(async lane =>
    {
        const int Messages = 12_000;
        var seen = lane.App.Record(null);
        using var connection = await RawHttp2.Open(lane.Port);
        await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/messages")));
        for (var sent = 0; sent < Messages; sent += Batch)
        {
            var frames = new List<byte>();
            for (var i = 0; i < Batch; i++) Frame(frames, FrameType.Data, 0, 1, [0, 0, 0, 0, 0]);
            for (var i = 0; i < 10; i++) Frame(frames, FrameType.WindowUpdate, 0, i % 2, [0, 0, 0, 5]);
            await connection.Socket.SendAsync(frames.ToArray());
        }

        await connection.Send(FrameType.Data, EndStream, 1, []);
        var end = await End(connection, 1);
        Assert.Equal((200, "POST /messages"), (end.Status, end.Body));
        Assert.Equal(5 * Messages, Assert.Single(seen.Requests).Body.Length);
        return true;
    });

    /// <summary>What the client has received when the connection has ended, nothing when it was reset; null when it has not ended.</summary>
    private static async Task<byte[]?> Flood(int port, string kind)
    {
        using var connection = await RawHttp2.Open(port);
        if (kind is "empty data" or "one byte of data" or "padding alone" or "stream window update") await connection.Send(FrameType.Headers, EndHeaders, 1, Block(Request("POST", "/flood")));
        if (kind is "continuation" or "full continuation") await connection.Send(FrameType.Headers, 0, 1, Block(Request("GET", "/flood")));
        if (kind == "reset of what has ended")
        {
            await connection.Send(FrameType.Headers, EndHeaders | EndStream, 1, Block(Request("GET", "/flood")));
            await End(connection, 1);
        }

        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        var reading = ReadToEnd(connection.Socket, limit.Token);
        try
        {
            for (var batch = 0; batch * Batch < Bound && !reading.IsCompleted; batch++)
                await connection.Socket.SendAsync(Frames(kind, batch), SocketFlags.None, limit.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            // The end that is looked for, or nobody takes more.
        }

        return await reading;
    }

    private static async Task<byte[]?> ReadToEnd(Socket socket, CancellationToken limit)
    {
        var received = new MemoryStream();
        var buffer = new byte[64 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer, limit) is var count and > 0) received.Write(buffer, 0, count);
        }
        catch (SocketException)
        {
            // Reset: what came before it counts.
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        return received.ToArray();
    }

    private static bool SaysGoAway(ReadOnlySpan<byte> frames)
    {
        while (frames.Length >= 9)
        {
            if ((FrameType)frames[3] == FrameType.GoAway) return true;
            frames = frames[Math.Min(frames.Length, 9 + (int)(BinaryPrimitives.ReadUInt32BigEndian(frames) >> 8))..];
        }

        return false;
    }

    /// <summary>The types of the frames that came, and what is left that is none.</summary>
    private static string Told(ReadOnlySpan<byte> frames)
    {
        var types = new List<int>();
        while (frames.Length >= 9)
        {
            types.Add(frames[3]);
            var length = 9 + (int)(BinaryPrimitives.ReadUInt32BigEndian(frames) >> 8);
            if (length > frames.Length) break;
            frames = frames[length..];
        }

        return $"{types.Count} frames, the last of type {string.Join(",", types.TakeLast(5))}, {frames.Length} bytes over";
    }

    private static byte[] Frames(string kind, int batch)
    {
        var frames = new List<byte>();
        for (var i = 0; i < Batch; i++)
        {
            var stream = (2 * ((batch * Batch) + i)) + 1;
            switch (kind)
            {
                case "ping":
                    Frame(frames, FrameType.Ping, 0, 0, new byte[8]);
                    break;
                case "ping ack":
                    Frame(frames, FrameType.Ping, 1, 0, new byte[8]);
                    break;
                case "settings":
                    Frame(frames, FrameType.Settings, 0, 0, []);
                    break;
                case "priority":
                    Frame(frames, Priority, 0, 1, [0, 0, 0, 0, 1]);
                    break;
                case "empty data":
                    Frame(frames, FrameType.Data, 0, 1, []);
                    break;
                case "one byte of data":
                    Frame(frames, FrameType.Data, 0, 1, [1]);
                    break;
                case "padding alone":
                    // Flow control counts padding (RFC 9113 section 6.9.1): short, so that it is the count that ends it.
                    Frame(frames, FrameType.Data, 8, 1, [2, 0, 0]);
                    break;
                case "window update":
                    Frame(frames, FrameType.WindowUpdate, 0, 0, [0, 0, 0, 1]);
                    break;
                case "stream window update":
                    Frame(frames, FrameType.WindowUpdate, 0, 1, [0, 0, 0, 1]);
                    break;
                case "empty headers":
                    Frame(frames, FrameType.Headers, EndHeaders | EndStream, stream, []);
                    break;
                case "goaway":
                    Frame(frames, FrameType.GoAway, 0, 0, new byte[8]);
                    break;
                case "priority update":
                    Frame(frames, (FrameType)0x10, 0, 0, [0, 0, 0, 1, (byte)'u', (byte)'=', (byte)'1']);
                    break;
                case "reset of what has ended":
                    Frame(frames, FrameType.ResetStream, 0, 1, [0, 0, 0, 8]);
                    break;
                case "continuation":
                    Frame(frames, Continuation, 0, 1, []);
                    break;
                case "full continuation":
                    // Changes of the table's size alone are no fields (RFC 7541 section 6.3).
                    Frame(frames, Continuation, 0, 1, [.. Enumerable.Repeat((byte)0x20, 1024)]);
                    break;
                case "unknown":
                    Frame(frames, (FrameType)0x40, 0, 0, []);
                    break;
                case "reset":
                    Frame(frames, FrameType.Headers, EndHeaders | EndStream, stream, Block(Request("GET", "/flood")));
                    Frame(frames, FrameType.ResetStream, 0, stream, [0, 0, 0, 8]);
                    break;
                case "window update of zero":
                    // The server has to reset the stream itself.
                    Frame(frames, FrameType.Headers, EndHeaders | EndStream, stream, Block(Request("GET", "/flood")));
                    Frame(frames, FrameType.WindowUpdate, 0, stream, [0, 0, 0, 0]);
                    break;
                default:
                    Frame(frames, FrameType.Headers, EndHeaders, stream, Block(Request("POST", "/flood")));
                    Frame(frames, FrameType.ResetStream, 0, stream, [0, 0, 0, 8]);
                    break;
            }
        }

        return [.. frames];
    }

    private static void Frame(List<byte> frames, FrameType type, byte flags, int stream, byte[] payload)
    {
        var header = new byte[9];
        BinaryPrimitives.WriteInt32BigEndian(header, payload.Length << 8);
        (header[3], header[4]) = ((byte)type, flags);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(5), stream);
        frames.AddRange(header);
        frames.AddRange(payload);
    }
}
