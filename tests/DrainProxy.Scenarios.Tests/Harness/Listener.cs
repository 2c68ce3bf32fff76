using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>An app that is nothing but a listener: it accepts (unless its backlog is what is tested), and answers each connection's first bytes with what it was told.</summary>
internal sealed class Listener : IDisposable
{
    private readonly Socket socket;
    private readonly List<Socket> accepted = [];
    private volatile byte[]? answer;

    private Listener(Socket socket, bool accepts)
    {
        this.socket = socket;
        if (accepts) _ = Accept();
    }

    /// <summary>Connections are ended once they were answered.</summary>
    public bool EndsAfterAnswer { get; set; }

    /// <summary>Connections are ended as soon as they are accepted.</summary>
    public bool EndsAtOnce { get; set; }

    public int Port => ((IPEndPoint)socket.LocalEndPoint!).Port;

    public string Address => $"http://127.0.0.1:{Port}";

    /// <param name="backlog">Connections that the kernel keeps for nobody; none: they are accepted.</param>
    public static Listener Tcp(int? backlog = null)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, Net.FreePort()));
        socket.Listen(backlog ?? 100);
        return new(socket, backlog is null);
    }

    public static Listener Unix(string file)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(file));
        socket.Listen(100);
        return new(socket, accepts: true);
    }

    public void Answer(string text) => answer = Encoding.Latin1.GetBytes(text);

    /// <summary>Nobody listens any more.</summary>
    public void Stop()
    {
        socket.Dispose();
        lock (accepted) accepted.ForEach(s => s.Dispose());
    }

    public void Dispose() => Stop();

    private async Task Accept()
    {
        try
        {
            while (true)
            {
                var connection = await socket.AcceptAsync();
                lock (accepted) accepted.Add(connection);
                _ = Serve(connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task Serve(Socket connection)
    {
        try
        {
            if (EndsAtOnce)
            {
                connection.Dispose();
                return;
            }

            var read = await connection.ReceiveAsync(new byte[4096]);
            if (read > 0 && answer is { } bytes) await connection.SendAsync(bytes);
            if (EndsAfterAnswer) connection.Shutdown(SocketShutdown.Send);
            // Whatever else comes: closing with bytes unread would be a reset, which takes the answer along.
            while (read > 0) read = await connection.ReceiveAsync(new byte[4096]);
            connection.Dispose();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped, or the proxy has left.
        }
    }
}
