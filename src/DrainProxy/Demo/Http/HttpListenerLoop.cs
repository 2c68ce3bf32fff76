using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Demo.Http;

/// <summary>Accepts on a loopback port and runs one task per connection. Used by the built-in app and the built-in load balancer.</summary>
internal sealed class HttpListenerLoop : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Task, bool> _connections = new();
    private readonly Func<HttpConnection, Task> _serve;
    private readonly Task _accepting;

    public HttpListenerLoop(int port, Func<HttpConnection, Task> serve)
    {
        _serve = serve;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Stops accepting; what is in the kernel's queue is reset, as with any server that closes its listener.</summary>
    public async Task StopAcceptingAsync()
    {
        _listener.Dispose();
        await _accepting;
    }

    /// <summary>Ends when every connection has ended.</summary>
    public Task WhenServedAsync() => Task.WhenAll(_connections.Keys);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await _listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            socket.NoDelay = true;
            var serving = ServeAsync(new HttpConnection(socket));
            _connections[serving] = true;
            _ = serving.ContinueWith(done => _connections.TryRemove(done, out _), TaskScheduler.Default);
        }
    }

    private async Task ServeAsync(HttpConnection connection)
    {
        await Task.Yield();
        using (connection)
        {
            try
            {
                await _serve(connection);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The peer went away or the demo ends: nothing is owed on this connection any more.
            }
        }
    }
}
