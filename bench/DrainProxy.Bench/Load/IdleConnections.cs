using System.Net.Sockets;

namespace DrainProxy.Bench.Load;

/// <summary>Keep-alive connections that had one answer each and then stay silent, as a load balancer's pool does.</summary>
internal sealed class IdleConnections : IDisposable
{
    private readonly List<Socket> sockets = [];

    /// <summary>How many the peer has not closed.</summary>
    public int StillOpen => sockets.Count(socket => !socket.Poll(0, SelectMode.SelectRead));

    public static IdleConnections Open(int port, int count)
    {
        var connections = new IdleConnections();
        var request = HttpExchange.Request(port);
        try
        {
            for (var i = 0; i < count; i++)
            {
                var socket = HttpExchange.Connect(port);
                connections.sockets.Add(socket);
                if (!HttpExchange.Ask(socket, request))
                {
                    throw new PeerException($"no 200 on connection {i + 1} of {count}");
                }
            }
        }
        catch (SocketException e)
        {
            connections.Dispose();
            throw new PeerException($"connection {connections.sockets.Count + 1} of {count}: {e.Message}");
        }
        catch
        {
            connections.Dispose();
            throw;
        }

        return connections;
    }

    public void Dispose() => sockets.ForEach(socket => socket.Dispose());
}
