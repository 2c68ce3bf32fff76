using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>One answer, as it came over the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Fields, string Body, string Trailers = "")
{
    public string Field(string name) => Fields.TryGetValue(name, out var value) ? value : "";
}

/// <summary>How a peer ended a connection.</summary>
internal enum RawEnd
{
    Fin,
    Reset,
}

/// <summary>An HTTP/1.1 client connection where every byte and the way it ends can be seen. Each wait has a limit.</summary>
internal sealed class RawConnection : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private readonly Socket socket;
    private readonly byte[] buffer = new byte[64 * 1024];
    private int start;
    private int end;

    private RawConnection(Socket socket) => this.socket = socket;

    public Socket Socket => socket;

    /// <summary>Bytes that have come since the last thing sent.</summary>
    public long Received { get; private set; }

    public static async Task<RawConnection> Open(int port, string source = "127.0.0.1")
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        socket.Bind(new IPEndPoint(IPAddress.Parse(source), 0));
        await socket.ConnectAsync(IPAddress.Loopback, port);
        return new(socket);
    }

    public async Task Send(string text)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        Received = 0;
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var sent = 0; sent < bytes.Length;) sent += await socket.SendAsync(bytes.AsMemory(sent), limit.Token);
    }

    public void EndOurHalf() => socket.Shutdown(SocketShutdown.Send);

    public async Task<RawAnswer> Exchange(string request)
    {
        await Send(request);
        return await Answer();
    }

    /// <summary>The next final answer; interim ones are passed over.</summary>
    public async Task<RawAnswer> Answer(bool toHead = false)
    {
        while (true)
        {
            var status = int.Parse((await Line()).Split(' ')[1], CultureInfo.InvariantCulture);
            var fields = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
            for (var line = await Line(); line.Length > 0; line = await Line())
            {
                var colon = line.IndexOf(':', StringComparison.Ordinal);
                var (name, value) = (line[..colon], line[(colon + 1)..].Trim());
                fields[name] = fields.TryGetValue(name, out var before) ? $"{before}, {value}" : value;
            }

            if (status < 200 && status != 101) continue;
            if (toHead || status is 101 or 204 or 304) return new(status, fields, "");
            if (fields.ContainsKey("Transfer-Encoding"))
            {
                var (body, trailers) = await Chunks();
                return new(status, fields, body, trailers);
            }

            if (fields.TryGetValue("Content-Length", out var length))
                return new(status, fields, await Bytes(int.Parse(length, CultureInfo.InvariantCulture)));
            return new(status, fields, (await Rest()).Text);
        }
    }

    public async Task<string> Line()
    {
        var line = new StringBuilder();
        while (true)
        {
            if (start == end && !await Fill()) throw new IOException($"the connection ended within a line: {line}");
            var c = (char)buffer[start++];
            if (c == '\n') return line.ToString().TrimEnd('\r');
            line.Append(c);
        }
    }

    public async Task<string> Bytes(int count)
    {
        var text = new StringBuilder();
        while (text.Length < count)
        {
            if (start == end && !await Fill()) throw new IOException($"the connection ended after {text.Length} of {count} bytes");
            var n = Math.Min(end - start, count - text.Length);
            text.Append(Encoding.Latin1.GetString(buffer, start, n));
            start += n;
        }

        return text.ToString();
    }

    /// <summary>Everything until the peer ends the connection, and how it did.</summary>
    public async Task<(string Text, RawEnd End)> Rest()
    {
        var text = new StringBuilder();
        try
        {
            while (true)
            {
                text.Append(Encoding.Latin1.GetString(buffer, start, end - start));
                start = end;
                if (!await Fill()) return (text.ToString(), RawEnd.Fin);
            }
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset)
        {
            return (text.ToString(), RawEnd.Reset);
        }
    }

    public void Dispose() => socket.Dispose();

    private async Task<(string Body, string Trailers)> Chunks()
    {
        var body = new StringBuilder();
        while (true)
        {
            var size = int.Parse((await Line()).Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (size == 0) break;
            body.Append(await Bytes(size));
            await Line();
        }

        var trailers = new StringBuilder();
        for (var line = await Line(); line.Length > 0; line = await Line()) trailers.AppendLine(line);
        return (body.ToString(), trailers.ToString());
    }

    private async Task<bool> Fill()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        start = 0;
        end = 0;
        end = await socket.ReceiveAsync(buffer.AsMemory(), limit.Token);
        Received += end;
        return end > 0;
    }
}
