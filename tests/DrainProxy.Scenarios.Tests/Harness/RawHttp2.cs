using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Scenarios.Tests.Harness;

internal enum FrameType : byte
{
    Data = 0,
    Headers = 1,
    ResetStream = 3,
    Settings = 4,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
}

internal sealed record Frame(FrameType Type, byte Flags, int Stream, byte[] Payload)
{
    public bool EndsStream => Type is FrameType.Data or FrameType.Headers && (Flags & 1) != 0;

    /// <summary>GOAWAY: the last stream that the peer will still serve.</summary>
    public int LastStream => BinaryPrimitives.ReadInt32BigEndian(Payload) & int.MaxValue;

    /// <summary>The error code of GOAWAY or RST_STREAM.</summary>
    public uint Error => BinaryPrimitives.ReadUInt32BigEndian(Payload.AsSpan(Type == FrameType.GoAway ? 4 : 0));
}

/// <summary>An HTTP/2 client with prior knowledge that shows the frames as they come (RFC 9113). Each wait has a limit.</summary>
internal sealed class RawHttp2 : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Socket socket;
    private readonly NetworkStream stream;

    private RawHttp2(Socket socket) => (this.socket, stream) = (socket, new NetworkStream(socket));

    public Socket Socket => socket;

    public static async Task<RawHttp2> Open(int port, string source = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        var connection = new RawHttp2(socket);
        await connection.stream.WriteAsync(Encoding.ASCII.GetBytes("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        await connection.Send(FrameType.Settings, 0, 0, []);
        return connection;
    }

    public async Task Send(FrameType type, byte flags, int streamId, byte[] payload)
    {
        var frame = new byte[9 + payload.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame, payload.Length << 8);
        (frame[3], frame[4]) = ((byte)type, flags);
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), streamId);
        payload.CopyTo(frame, 9);
        await stream.WriteAsync(frame);
    }

    /// <summary>HEADERS of a GET without body: static table entries and literals that are not indexed (RFC 7541 sections 6.1, 6.2.2).</summary>
    public Task Get(int streamId, string path) => Headers(streamId, 0x82, path, end: true);

    /// <summary>HEADERS of a POST whose body is still to come.</summary>
    public Task Post(int streamId, string path) => Headers(streamId, 0x83, path, end: false);

    /// <summary>The next frame; SETTINGS and PING are answered on the way. Null when the peer has ended the connection.</summary>
    public async Task<Frame?> Next()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (true)
        {
            var header = new byte[9];
            var read = await stream.ReadAtLeastAsync(header, 9, throwOnEndOfStream: false, limit.Token);
            if (read == 0) return null;
            if (read < 9) throw new IOException("the connection ended within a frame");
            var payload = new byte[BinaryPrimitives.ReadInt32BigEndian(header) >>> 8];
            await stream.ReadExactlyAsync(payload, limit.Token);
            var frame = new Frame((FrameType)header[3], header[4], BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload);
            if (frame.Type == FrameType.WindowUpdate) continue;
            if (frame.Type is FrameType.Settings or FrameType.Ping)
            {
                if ((frame.Flags & 1) == 0) await Send(frame.Type, 1, 0, frame.Type == FrameType.Ping ? payload : []);
                continue;
            }

            return frame;
        }
    }

    /// <summary>Reads until the stream has ended; its DATA, and what else came on the connection meanwhile.</summary>
    public async Task<(string Body, List<Frame> Others)> Answer(int streamId)
    {
        var body = new StringBuilder();
        var others = new List<Frame>();
        while (true)
        {
            var frame = await Next() ?? throw new IOException($"the connection ended within stream {streamId}");
            if (frame.Stream != streamId || frame.Type == FrameType.ResetStream) others.Add(frame);
            else if (frame.Type == FrameType.Data) body.Append(Encoding.Latin1.GetString(frame.Payload));
            if (frame.Stream == streamId && (frame.EndsStream || frame.Type == FrameType.ResetStream)) return (body.ToString(), others);
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        socket.Dispose();
    }

    private Task Headers(int streamId, byte method, string path, bool end)
    {
        var block = new List<byte> { method, 0x86 };
        Literal(block, 0x04, path);
        Literal(block, 0x01, "pod.test");
        return Send(FrameType.Headers, (byte)(end ? 5 : 4), streamId, [.. block]);
    }

    private static void Literal(List<byte> block, byte name, string value)
    {
        block.Add(name);
        block.Add((byte)value.Length);
        block.AddRange(Encoding.ASCII.GetBytes(value));
    }
}
