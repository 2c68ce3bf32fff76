using System.Net;
using System.Net.Sockets;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Tests.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Pressure;

/// <summary>Real listening sockets, asked of the real kernel.</summary>
public sealed class SocketDiagTests
{
    [Theory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public void Connections_that_nobody_accepts_stand_in_the_queue_whose_limit_is_the_backlog(AddressFamily family)
    {
        using var diag = SocketDiag.Open();
        Assert.SkipWhen(diag is null, "the kernel does not answer sock_diag here");
        using var listener = new Socket(family, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback, 0));
        listener.Listen(7);
        var address = (IPEndPoint)listener.LocalEndPoint!;
        Assert.Equal(new ListenQueue(address.Port, 0, 7), diag!.Listeners()!.Single(q => q.Port == address.Port));

        using var first = Connect(address);
        using var second = Connect(address);
        Assert.Equal(new ListenQueue(address.Port, 2, 7), diag.Listeners()!.Single(q => q.Port == address.Port));
        using var accepted = listener.Accept();
        Assert.Equal(1, diag.Listeners()!.Single(q => q.Port == address.Port).Waiting);
    }

    [Fact]
    public async Task Sockets_of_the_app_and_ours_are_told_apart_and_both_queues_are_seen()
    {
        using var diag = SocketDiag.Open();
        Assert.SkipWhen(diag is null, "the kernel does not answer sock_diag here");
        using var app = Listen();
        using var own = Listen();
        var (appAt, ownAt) = ((IPEndPoint)app.LocalEndPoint!, (IPEndPoint)own.LocalEndPoint!);
        using var sockets = new SocketSenses(
            () => new(AppScheme.Http, "127.0.0.1", appAt.Port), () => [Environment.ProcessId], () => [ownAt.Port], new ManualTime(), NullLogger.Instance);
        using var toApp = Connect(appAt);
        using var toUs = Connect(ownAt);
        Assert.Equal((1, 16, 1), sockets.Queues());

        Assert.Null(sockets.Look(TimeSpan.Zero).Counts);
        await sockets.Looking;
        var snapshot = sockets.Look(TimeSpan.Zero);
        // Ours towards the app, and towards the client.
        Assert.Equal(2, snapshot.Counts!.Of(TcpState.Established, SocketOwner.DrainProxy));
        Assert.Equal(1, snapshot.Counts.Of(TcpState.Listen, SocketOwner.DrainProxy));
        // The app's accepted end by its port, and the client's by its inode; other tests of this process have more.
        Assert.True(snapshot.Counts.Of(TcpState.Established, SocketOwner.App) >= 2);
        Assert.True(snapshot.Counts.Of(TcpState.Listen, SocketOwner.App) >= 1);
        Assert.True(snapshot.AppDescriptors is var (open, limit) && open > 0 && limit > open);
        Assert.True(snapshot.PortRange > 0);
    }

    [Fact]
    public void The_kernels_answer_and_its_tables_tell_of_the_same_sockets()
    {
        using var diag = SocketDiag.Open();
        Assert.SkipWhen(diag is null, "the kernel does not answer sock_diag here");
        using var listener = Listen();
        var at = (IPEndPoint)listener.LocalEndPoint!;
        using var open = Connect(at);
        var left = Connect(at);
        using var accepted = listener.Accept();
        using var forgotten = listener.Accept();
        // Closed by the client alone: the other end stands in CLOSE_WAIT and holds its inode, the client's own is nobody's any more.
        int[] ends = [0, at.Port, ((IPEndPoint)open.LocalEndPoint!).Port, ((IPEndPoint)left.LocalEndPoint!).Port];
        left.Dispose();
        // Whether the FIN is acknowledged yet may change between two looks.
        List<SocketRow> Ours(IEnumerable<SocketRow> rows) => [.. rows.Where(r => (r.LocalPort == at.Port || r.RemotePort == at.Port) && ends.Contains(r.LocalPort) && ends.Contains(r.RemotePort))
            .Select(r => r.State == TcpState.FinWait1 ? r with { State = TcpState.FinWait2 } : r).OrderBy(r => r.LocalPort).ThenBy(r => r.RemotePort)];

        var told = new List<SocketRow>();
        Assert.True(diag!.EachSocket((in SocketRow row) => told.Add(row)));
        var written = File.ReadLines("/proc/self/net/tcp").Select(line => SocketRow.Parse(System.Text.Encoding.ASCII.GetBytes(line))).OfType<SocketRow>();
        Assert.Equal(Ours(written), Ours(told));
        Assert.Equal(5, Ours(told).Count);
        Assert.Equal([TcpState.Listen, TcpState.CloseWait, TcpState.FinWait2], Ours(told).Select(r => r.State).Where(s => s != TcpState.Established).OrderBy(s => s != TcpState.Listen).ThenByDescending(s => s));
    }

    [Fact]
    public void The_depth_of_a_queue_is_the_same_from_the_kernel_and_from_its_tables()
    {
        using var listener = Listen();
        var at = (IPEndPoint)listener.LocalEndPoint!;
        using var first = Connect(at);
        using var second = Connect(at);
        Assert.Equal(2, DrainProxy.Proxy.Listening.AcceptQueue.Depth([at.Port]));
        Assert.Equal(2, DrainProxy.Proxy.Listening.AcceptQueue.ByTable([at.Port]));
    }

    private static Socket Listen()
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(16);
        return listener;
    }

    private static Socket Connect(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(address);
        return socket;
    }
}
