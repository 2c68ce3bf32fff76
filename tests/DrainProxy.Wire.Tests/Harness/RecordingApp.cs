using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>What the app has seen since the last case began.</summary>
internal sealed class Sighting
{
    private readonly object gate = new();
    private readonly List<Message> requests = [];
    private readonly List<StringBuilder> connections = [];
    private readonly List<string> faults = [];

    public IReadOnlyList<Message> Requests { get { lock (gate) return [.. requests]; } }

    /// <summary>Bytes that no strict server takes for a request.</summary>
    public IReadOnlyList<string> Faults { get { lock (gate) return [.. faults]; } }

    /// <summary>Every byte, connection by connection.</summary>
    public IReadOnlyList<string> Bytes { get { lock (gate) return [.. connections.Select(c => c.ToString()).Where(c => c.Length > 0)]; } }

    /// <summary>Requests taken so far; the script belongs to the first.</summary>
    public int Taken { get { lock (gate) return requests.Count; } }

    public StringBuilder Open()
    {
        lock (gate)
        {
            var bytes = new StringBuilder();
            connections.Add(bytes);
            return bytes;
        }
    }

    public void Append(StringBuilder connection, string bytes)
    {
        lock (gate) connection.Append(bytes);
    }

    public int Take(Message request)
    {
        lock (gate)
        {
            requests.Add(request);
            return requests.Count - 1;
        }
    }

    public void Fault(string what)
    {
        lock (gate) faults.Add(what);
    }
}

/// <summary>
/// An HTTP/1.1 app that keeps every byte it gets, takes strictly framed requests only and answers with scripted bytes: method and target as
/// the body by default. In a script `{fin}` closes, `{rst}` resets, `{pause}` sends what stands before it first, `{hold}` waits for the peer's end.
/// </summary>
/// <param name="certificate">With one, everything goes through TLS.</param>
internal sealed class RecordingApp(X509Certificate2? certificate = null) : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<Socket, byte> open = new();
    private volatile Sighting sighting = new();
    private volatile WireCase? script;
    private volatile bool isEarly;

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    public RecordingApp Start()
    {
        listener.Start();
        _ = Accept();
        return this;
    }

    /// <summary>Begins a new record.</summary>
    /// <param name="next">What is answered to the first request.</param>
    /// <param name="record">Where it is kept; a new one by default.</param>
    /// <param name="early">It is answered as soon as its head is there.</param>
    public Sighting Record(WireCase? next, Sighting? record = null, bool early = false)
    {
        (script, sighting, isEarly) = (next, record ?? new(), early || next is { AppIsEarly: true });
        return sighting;
    }

    public void Dispose()
    {
        listener.Dispose();
        foreach (var socket in open.Keys) socket.Dispose();
    }

    private async Task Accept()
    {
        while (true)
        {
            try
            {
                var socket = await listener.AcceptSocketAsync();
                socket.NoDelay = true;
                open[socket] = 0;
                _ = Serve(socket);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task Serve(Socket socket)
    {
        try
        {
            await ServeRequests(socket, await Open(socket));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The proxy has closed, or the test is over.
        }
        finally
        {
            open.TryRemove(socket, out _);
            socket.Dispose();
        }
    }

    private async Task<Stream> Open(Socket socket)
    {
        var stream = new NetworkStream(socket);
        if (certificate is null) return stream;
        var tls = new SslStream(stream);
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = certificate,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
        });
        return tls;
    }

    private async Task ServeRequests(Socket socket, Stream stream)
    {
        var (record, bytes) = (sighting, sighting.Open());
        var pending = "";
        var buffer = new byte[64 * 1024];
        var (continued, answeredEarly) = (false, false);
        while (true)
        {
            var count = await stream.ReadAsync(buffer);
            // A connection of the pool serves case after case.
            if (record != sighting) (record, bytes) = (sighting, sighting.Open());
            if (count == 0) return;
            var text = Encoding.Latin1.GetString(buffer, 0, count);
            record.Append(bytes, text);
            pending += text;
            try
            {
                while (pending.Length > 0)
                {
                    var head = Messages.RequestHead(pending);
                    if (!answeredEarly && head is not null && isEarly && record.Taken == 0)
                    {
                        answeredEarly = true;
                        record.Take(head);
                        if (!await Send(socket, stream, script!.AppSends!)) return;
                    }

                    if (Messages.Request(pending) is not var (request, length))
                    {
                        if (!continued && head is not null && head.Has("Expect"))
                        {
                            continued = true;
                            await Send(socket, stream, "HTTP/1.1 100 Continue\r\n\r\n");
                        }

                        break;
                    }

                    pending = pending[length..];
                    continued = false;
                    if (answeredEarly)
                    {
                        answeredEarly = false;
                        continue;
                    }

                    var index = record.Take(request);
                    var answer = index == 0 && script?.AppSends is { } scripted ? scripted : Default(request);
                    if (!await Send(socket, stream, answer)) return;
                }
            }
            catch (MalformedException e)
            {
                record.Fault(e.Message);
                return;
            }
        }
    }

    private static string Default(Message request)
    {
        var body = $"{request.Method} {request.Target}";
        return $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {body.Length}\r\n\r\n{(request.Method == "HEAD" ? "" : body)}";
    }

    /// <summary>False when the connection is over.</summary>
    private static async Task<bool> Send(Socket socket, Stream stream, string script)
    {
        foreach (var (text, action) in Steps(script))
        {
            if (text.Length > 0) await stream.WriteAsync(Encoding.Latin1.GetBytes(text));
            switch (action)
            {
                case "{fin}":
                    socket.Shutdown(SocketShutdown.Send);
                    await Drain(stream);
                    return false;
                case "{rst}":
                    socket.LingerState = new(true, 0);
                    socket.Close();
                    return false;
                case "{hold}":
                    await Drain(stream);
                    return false;
                case "{pause}":
                    // Long enough for the reader to take the part before; nothing depends on it but the split.
                    await Task.Delay(TimeSpan.FromMilliseconds(30), TimeProvider.System);
                    break;
            }
        }

        return true;
    }

    private static async Task Drain(Stream stream)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10), TimeProvider.System);
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer, limit.Token) > 0)
        {
            // Read until the proxy has closed too.
        }
    }

    private static IEnumerable<(string Text, string Action)> Steps(string script)
    {
        var at = 0;
        foreach (System.Text.RegularExpressions.Match match in System.Text.RegularExpressions.Regex.Matches(script, @"\{(fin|rst|pause|hold)\}"))
        {
            yield return (script[at..match.Index], match.Value);
            at = match.Index + match.Length;
        }

        if (at < script.Length) yield return (script[at..], "");
    }
}
