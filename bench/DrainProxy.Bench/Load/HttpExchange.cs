using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Bench.Load;

/// <summary>Just enough of HTTP/1.1 to ask for one small answer on a connection and know where it ends.</summary>
internal static class HttpExchange
{
    public const int BufferSize = 4096;

    /// <summary>Where the app has an answer that nobody buffers whole.</summary>
    public const string LargePath = "/large";

    public static byte[] Request(int port, string path = "/") => Encoding.ASCII.GetBytes($"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: drainproxy-bench\r\n\r\n");

    public static Socket Connect(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 5000, SendTimeout = 5000 };
        try
        {
            socket.Connect(IPAddress.Loopback, port);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Sends one request and waits for the whole answer; true for 200.</summary>
    public static bool Ask(Socket socket, byte[] request)
    {
        socket.Send(request);
        Span<byte> buffer = stackalloc byte[BufferSize];
        var filled = 0;
        while (true)
        {
            var read = socket.Receive(buffer[filled..]);
            if (read == 0)
            {
                return false;
            }

            filled += read;
            if (Complete(buffer[..filled]) is { } ok)
            {
                return ok;
            }

            if (filled == buffer.Length)
            {
                return false; // the bench's app never answers that much
            }
        }
    }

    /// <summary>Null while the answer is not whole; then whether it was a 200.</summary>
    public static bool? Complete(ReadOnlySpan<byte> answer)
    {
        var head = answer.IndexOf("\r\n\r\n"u8);
        if (head < 0)
        {
            return null;
        }

        var body = answer[(head + 4)..];
        var ok = answer.StartsWith("HTTP/1.1 200"u8);
        return Length(answer[..(head + 2)]) is { } length
            ? body.Length >= length ? ok : null
            : body.EndsWith("0\r\n\r\n"u8) ? ok : null;
    }

    /// <summary>The Content-Length, whatever its case; null when the answer is chunked.</summary>
    private static int? Length(ReadOnlySpan<byte> head)
    {
        while (head.IndexOf("\r\n"u8) is var end and >= 0)
        {
            var line = head[..end];
            head = head[(end + 2)..];
            if (line.Length > 15 && Ascii.EqualsIgnoreCase(line[..15], "content-length:"u8))
            {
                return int.Parse(line[15..].Trim(" "u8));
            }
        }

        return null;
    }
}
