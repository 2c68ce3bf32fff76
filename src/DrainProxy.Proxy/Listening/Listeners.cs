using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;

namespace DrainProxy.Proxy.Listening;

/// <summary>The address of the listener that exists only to have Kestrel build its HTTP/2 pipeline.</summary>
internal sealed class CaptureEndPoint : EndPoint
{
    public override string ToString() => "http2-prior-knowledge";
}

/// <summary>Binds real addresses by sockets and <see cref="CaptureEndPoint"/> to a listener that never accepts.</summary>
internal sealed class ListenerFactory(IConnectionListenerFactory sockets, ConnectionRoom? room) : IConnectionListenerFactory
{
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is CaptureEndPoint) return new SilentListener(endpoint);
        IConnectionListener listener;
        try
        {
            listener = await sockets.BindAsync(endpoint, cancellationToken);
        }
        catch (SocketException e)
        {
            // The system's text names no address, and there may be several listeners.
            throw new BindException(endpoint, e);
        }

        return room is null ? listener : new RoomyListener(listener, room);
    }

    private sealed class SilentListener(EndPoint endPoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> unbound = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => endPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await unbound.Task.WaitAsync(cancellationToken);

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            unbound.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}

/// <summary>Accepts while there is room. Without it the kernel's queue holds new connections, which is cheap and loses nothing for a while.</summary>
internal sealed class RoomyListener(IConnectionListener inner, ConnectionRoom room) : IConnectionListener
{
    private readonly CancellationTokenSource unbound = new();

    public EndPoint EndPoint => inner.EndPoint;

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        if (!room.IsThere)
        {
            try
            {
                await room.Wait(unbound.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }

        var connection = await inner.AcceptAsync(cancellationToken);
        // Taken here and not where the connection is served: Kestrel goes on accepting before it gets that far. Track gives it back.
        if (connection is not null) room.Take();
        return connection;
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        unbound.Cancel();
        return inner.UnbindAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        unbound.Dispose();
        return inner.DisposeAsync();
    }
}

/// <summary>A listener that the system refused, for another reason than that its address is in use (Kestrel has an exception of its own for that).</summary>
internal sealed class BindException(EndPoint endPoint, SocketException inner) : IOException($"{endPoint}: {inner.Message}", inner);
