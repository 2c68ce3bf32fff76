using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Forwarding;

namespace DrainProxy.Proxy.Tests.Forwarding;

public sealed class HeavyConnectionsTests : IDisposable
{
    private readonly TcpListener app = new(IPAddress.Loopback, 0);
    private readonly Queue<int> acceptedBy = new();
    private int made;

    public HeavyConnectionsTests() => app.Start();

    public void Dispose() => app.Dispose();

    [Fact]
    public async Task A_new_connection_that_comes_to_the_worker_with_more_to_do_is_given_up()
    {
        using var connections = Connections(workers: 2);
        await Connect(connections, 7);
        var second = await Connect(connections, 7, 7, 8);

        Assert.Equal(8, second.Worker);
        Assert.Equal(4, made);
    }

    [Fact]
    public async Task But_not_for_ever()
    {
        using var connections = Connections(workers: 2);
        await Connect(connections, 7);
        var second = await Connect(connections, 7, 7, 7, 7, 7, 7, 7, 7);

        Assert.Equal(7, second.Worker);
        Assert.Equal(6, made);
    }

    [Fact]
    public async Task A_worker_that_accepts_late_is_waited_for()
    {
        using var connections = Connections(workers: 2);
        var link = await Connect(connections, 0, 0, 7);

        Assert.Equal(7, link.Worker);
        Assert.Equal(1, made);
    }

    [Fact]
    public async Task Where_there_is_one_process_nobody_is_looked_for()
    {
        using var connections = Connections(workers: 1);
        await Connect(connections, 7);

        Assert.Single(acceptedBy);
    }

    private HeavyConnections Connections(int workers) => new(
        static _ => new HttpMessageInvoker(new SocketsHttpHandler()),
        new(_ => acceptedBy.Dequeue(), static _ => 0, () => workers));

    /// <summary>Takes a connection for a request; who accepts is told with each look.</summary>
    private async Task<HeavyLink> Connect(HeavyConnections connections, params int[] workers)
    {
        acceptedBy.Clear();
        foreach (var worker in workers) acceptedBy.Enqueue(worker);
        var link = connections.Take()!;
        using var socket = await connections.Connect(link, async cancel =>
        {
            made++;
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(app.LocalEndpoint, cancel);
            return socket;
        }, TimeProvider.System, TestContext.Current.CancellationToken);
        return link;
    }
}
