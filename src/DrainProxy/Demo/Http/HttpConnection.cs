using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Demo.Http;

/// <summary>A TCP connection that carries one HTTP/1.1 message after the other, as client or as server. Not for concurrent readers.</summary>
internal sealed class HttpConnection(Socket socket) : IDisposable
{
    private const int MaxHead = 64 * 1024;
    private const int MaxBody = 1024 * 1024;
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    public static async Task<HttpConnection> ConnectAsync(int port, CancellationToken cancel)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancel);
            return new HttpConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Waits until the peer sent something: true for bytes, false for the end of the connection, orderly or by reset.</summary>
    public async Task<bool> WaitForDataAsync(CancellationToken cancel)
    {
        try
        {
            return _end > _start || await FillAsync(cancel);
        }
        catch (SocketException)
        {
            return false;
        }
        catch (ObjectDisposedException)
        {
            return false;
        }
    }

    public async Task WriteAsync(HttpMessage message, CancellationToken cancel)
    {
        ReadOnlyMemory<byte> rest = message.Serialize();
        while (!rest.IsEmpty)
            rest = rest[await socket.SendAsync(rest, SocketFlags.None, cancel)..];
    }

    /// <summary>Reads a request; null when the peer closed the connection between two requests.</summary>
    public async Task<HttpMessage?> ReadRequestAsync(CancellationToken cancel)
    {
        if (!await WaitForDataAsync(cancel))
            return null;
        var message = await ReadHeadAsync(cancel);
        return message with { Body = await ReadBodyAsync(message, untilClose: false, cancel) };
    }

    /// <summary>Reads a response, passing over interim ones (1xx).</summary>
    public async Task<HttpMessage> ReadResponseAsync(CancellationToken cancel)
    {
        while (true)
        {
            var message = await ReadHeadAsync(cancel);
            if (message.Status is >= 100 and < 200)
                continue;
            var bodiless = message.Status is 204 or 304;
            return bodiless ? message : message with { Body = await ReadBodyAsync(message, untilClose: true, cancel) };
        }
    }

    public void Dispose() => socket.Dispose();

    private async Task<HttpMessage> ReadHeadAsync(CancellationToken cancel)
    {
        var startLine = await ReadLineAsync(cancel);
        var headers = new List<KeyValuePair<string, string>>();
        while (await ReadLineAsync(cancel) is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
                throw new IOException($"not a header line: {line}");
            headers.Add(new(line[..colon], line[(colon + 1)..].Trim()));
        }

        return new HttpMessage(startLine, headers, []);
    }

    private async Task<byte[]> ReadBodyAsync(HttpMessage head, bool untilClose, CancellationToken cancel)
    {
        if (head.Header("Transfer-Encoding")?.EndsWith("chunked", StringComparison.OrdinalIgnoreCase) is true)
            return await ReadChunksAsync(cancel);
        if (head.Header("Content-Length") is { } length)
            return await ReadExactlyAsync(ParseLength(length, NumberStyles.None), cancel);
        if (!untilClose)
            return [];
        while (await FillAsync(cancel))
        {
        }

        return Take(_end - _start);
    }

    private async Task<byte[]> ReadChunksAsync(CancellationToken cancel)
    {
        var body = new List<byte>();
        while (true)
        {
            var size = ParseLength((await ReadLineAsync(cancel)).Split(';')[0].Trim(), NumberStyles.AllowHexSpecifier);
            if (size == 0)
                break;
            body.AddRange(await ReadExactlyAsync(size, cancel));
            await ReadLineAsync(cancel);
        }

        while ((await ReadLineAsync(cancel)).Length > 0)
        {
            // Trailers: read and left.
        }

        return [.. body];
    }

    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        var searched = 0;
        while (true)
        {
            var newline = _buffer.AsSpan(_start + searched, _end - _start - searched).IndexOf((byte)'\n');
            if (newline >= 0)
                return Encoding.Latin1.GetString(Take(searched + newline + 1)).TrimEnd('\r', '\n');
            searched = _end - _start;
            if (searched > MaxHead || !await FillAsync(cancel))
                throw new EndOfStreamException(searched == 0 ? "closed without an answer" : "closed in the middle of a message");
        }
    }

    private async Task<byte[]> ReadExactlyAsync(int count, CancellationToken cancel)
    {
        while (_end - _start < count)
        {
            if (!await FillAsync(cancel))
                throw new EndOfStreamException("closed in the middle of a message");
        }

        return Take(count);
    }

    private async Task<bool> FillAsync(CancellationToken cancel)
    {
        if (_start == _end)
            _start = _end = 0;
        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, _buffer.Length < 2 * MaxBody ? _buffer.Length * 2 : throw new IOException("message too large"));
        var read = await socket.ReceiveAsync(_buffer.AsMemory(_end), SocketFlags.None, cancel);
        _end += read;
        return read > 0;
    }

    private byte[] Take(int count)
    {
        var taken = _buffer.AsSpan(_start, count).ToArray();
        _start += count;
        return taken;
    }

    private static int ParseLength(string text, NumberStyles style) =>
        int.TryParse(text, style, CultureInfo.InvariantCulture, out var length) && length is >= 0 and <= MaxBody
            ? length
            : throw new IOException($"bad length: {text}");
}
