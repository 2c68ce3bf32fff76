using System.Net.Sockets;
using DrainProxy.Demo.Http;

namespace DrainProxy.Demo.LoadBalancing;

/// <summary>What became of one request sent to a target: an answer, or why there is none.</summary>
internal readonly record struct Exchange(HttpMessage? Response, string? Failure);

/// <summary>
/// One registered pod as the load balancer sees it: its port and a pool of keep-alive connections. The network between the two takes a moment
/// each way, so a connection may be chosen while the pod's FIN is on its way: that is the race that loses requests in production.
/// </summary>
internal sealed class Target(int port, TimeSpan poolIdle, TimeSpan networkDelay, TimeProvider time) : IDisposable
{
    private readonly IdlePool<PooledConnection> _pool = new(poolIdle, time);

    public int Port { get; } = port;

    /// <summary>Sends once, as a load balancer does that must not repeat what may have been executed.</summary>
    public async Task<Exchange> SendAsync(HttpMessage request, CancellationToken cancel)
    {
        PooledConnection? connection = null;
        try
        {
            connection = _pool.Take();
            var reused = connection is not null;
            connection ??= new PooledConnection(await HttpConnection.ConnectAsync(Port, cancel));
            return await ExchangeAsync(connection, reused, request, cancel);
        }
        catch (SocketException e) when (connection is null)
        {
            return new Exchange(null, e.SocketErrorCode == SocketError.ConnectionRefused ? "connection refused" : $"connect: {e.SocketErrorCode}");
        }
        catch (OperationCanceledException)
        {
            connection?.Dispose();
            throw;
        }
    }

    public void Dispose() => _pool.Dispose();

    private async Task<Exchange> ExchangeAsync(PooledConnection connection, bool reused, HttpMessage request, CancellationToken cancel)
    {
        try
        {
            await Task.Delay(networkDelay, time, cancel);
            await connection.Http.WriteAsync(request, cancel);
            if (connection.Watch is { } watch)
                await watch.WaitAsync(cancel);
            var response = await connection.Http.ReadResponseAsync(cancel);
            await Task.Delay(networkDelay, time, cancel);
            if (response.KeepAlive)
                Park(connection);
            else
                connection.Dispose();
            return new Exchange(response, null);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            connection.Dispose();
            return new Exchange(null, reused ? "closed by the target while a pooled connection was reused" : "closed by the target on a new connection");
        }
    }

    /// <summary>Into the pool, with an eye on the peer's close; a later exchange on it goes on from the same read.</summary>
    private void Park(PooledConnection connection)
    {
        var watch = connection.Http.WaitForDataAsync(CancellationToken.None);
        connection.Watch = watch;
        if (_pool.Return(connection))
            _ = ForgetWhenClosedAsync(connection, watch);
    }

    private async Task ForgetWhenClosedAsync(PooledConnection connection, Task<bool> watch)
    {
        await watch;
        await Task.Delay(networkDelay, time);

        // Idle again after another exchange: that period has a watch of its own.
        if (ReferenceEquals(connection.Watch, watch))
            _pool.Remove(connection);
    }

    private sealed class PooledConnection(HttpConnection http) : IDisposable
    {
        public HttpConnection Http { get; } = http;

        /// <summary>The read that has been pending since the connection became idle.</summary>
        public Task<bool>? Watch { get; set; }

        public void Dispose() => Http.Dispose();
    }
}
