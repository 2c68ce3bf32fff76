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
    public void Sockets_of_the_app_and_ours_are_told_apart_and_both_queues_are_seen()
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
