using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A load balancer of the fourth layer: new connections go to the target, open ones stay where they are until one side ends them.</summary>
internal sealed class PassThrough : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, Net.FreePort());
    private readonly List<Socket> open = [];
    private volatile int target;

    public PassThrough(int target)
    {
        this.target = target;
        listener.Start();
        _ = Accept();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>From now on new connections go there.</summary>
    public void Use(int port) => target = port;

    public ValueTask DisposeAsync()
    {
        listener.Dispose();
        lock (open) open.ForEach(s => s.Dispose());
        return ValueTask.CompletedTask;
    }

    private async Task Accept()
    {
        try
        {
            while (true) _ = Pass(await listener.AcceptSocketAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task Pass(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using (client)
        {
            client.NoDelay = true;
            lock (open) open.AddRange([client, server]);
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, target);
                await Task.WhenAll(Copy(client, server), Copy(server, client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // One side is gone, and with it the other.
            }
        }
    }

    private static async Task Copy(Socket from, Socket to)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReceiveAsync(buffer.AsMemory()) is var count and > 0)
        {
            for (var sent = 0; sent < count;) sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
