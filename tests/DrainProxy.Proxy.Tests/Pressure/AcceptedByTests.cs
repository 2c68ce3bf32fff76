using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Proxy.Tests.Pressure;

/// <summary>Real connections; this process is the app, too.</summary>
public sealed class AcceptedByTests : IDisposable
{
    private readonly AcceptedBy accepted = new();
    private int asked;

    public void Dispose() => accepted.Dispose();

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::", "127.0.0.1")]
    public void Nobody_holds_a_connection_before_it_is_accepted_and_the_app_does_afterwards(string listensOn, string connectsTo)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "no /proc here");
        using var listener = Listen(listensOn);
        using var socket = Connect(connectsTo, ((IPEndPoint)listener.LocalEndPoint!).Port);
        var ends = TcpEnds.Of(socket)!;
        Assert.Equal(0, accepted.Find(ends, All));
        Assert.Equal(0, asked);
        using var end = listener.Accept();
        Assert.Equal(Environment.ProcessId, accepted.Find(ends, All));
        // What connects over a socket for both families is an IPv4 connection all the same.
        Assert.Equal(IPAddress.Parse(connectsTo), ends.App.Address);
    }

    [Fact]
    public void The_newest_workers_are_asked_for_when_none_that_is_known_holds_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "no /proc here");
        using var listener = Listen("127.0.0.1");
        using var socket = Connect("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port);
        using var end = listener.Accept();
        Assert.Equal(Environment.ProcessId, accepted.Find(TcpEnds.Of(socket)!, anew => anew ? [Environment.ProcessId] : []));
        Assert.Equal(0, accepted.Find(TcpEnds.Of(socket)!, _ => []));
    }

    [Fact]
    public void A_connection_that_has_gone_is_nobodys_and_not_its_listeners()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "no /proc here");
        using var listener = Listen("127.0.0.1");
        var socket = Connect("127.0.0.1", ((IPEndPoint)listener.LocalEndPoint!).Port);
        var ends = TcpEnds.Of(socket)!;
        using (var end = listener.Accept()) end.LingerState = new(true, 0);
        socket.Dispose();
        Assert.Equal(0, accepted.Find(ends, All));
        Assert.Null(TcpEnds.Of(socket));
    }

    [Fact]
    public void A_Unix_socket_has_no_ends_of_this_kind()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        Assert.Null(TcpEnds.Of(socket));
    }

    private IReadOnlyList<int> All(bool anew)
    {
        asked++;
        return [Environment.ProcessId];
    }

    private static Socket Listen(string address)
    {
        var at = IPAddress.Parse(address);
        var listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (at.AddressFamily == AddressFamily.InterNetworkV6) listener.DualMode = true;
        listener.Bind(new IPEndPoint(at, 0));
        listener.Listen(16);
        return listener;
    }

    /// <summary>By a socket for both families, as a client that is given a name.</summary>
    private static Socket Connect(string address, int port)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        socket.Connect(IPAddress.Parse(address), port);
        return socket;
    }
}
