using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>Connections to the app: TCP or Unix socket.</summary>
internal static class AppSockets
{
    /// <exception cref="SocketException">Refused, unreachable, or the name does not resolve.</exception>
    public static async Task<Socket> Connect(AppAddress app, CancellationToken cancel)
    {
        var socket = app.Scheme == AppScheme.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(EndPoint(app), cancel);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static EndPoint EndPoint(AppAddress app) => app.Scheme == AppScheme.Unix
        ? new UnixDomainSocketEndPoint(app.UnixPath!)
        : IPAddress.TryParse(app.Host, out var address) ? new IPEndPoint(address, app.Port) : new DnsEndPoint(app.Host, app.Port);
}

/// <summary>
/// The stream of one connection to the app. Counts who ended it, and lets an answer through that the app gave before it had read the
/// whole request and then closed: the write fails, but the answer's bytes are there to be read (RFC 9112 section 9.3).
/// </summary>
internal sealed class AppStream : NetworkStream
{
    private readonly ProxyCounters counters;
    private bool broken;
    private int disposed;

    public AppStream(Socket socket, ProxyCounters counters)
        : base(socket, ownsSocket: true)
    {
        this.counters = counters;
        counters.ConnectionOpened(Side.Upstream);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (broken) return ValueTask.CompletedTask;
        var write = base.WriteAsync(buffer, cancellationToken);
        return write.IsCompletedSuccessfully ? write : WriteUnlessAnswered(write);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref disposed, 1) == 0)
            counters.ConnectionClosed(Side.Upstream, PeerHasClosed() ? ClosedBy.Peer : ClosedBy.Us);
        base.Dispose(disposing);
    }

    private async ValueTask WriteUnlessAnswered(ValueTask write)
    {
        try
        {
            await write;
        }
        catch (IOException)
        {
            // The read that follows decides: it finds the answer, or fails for the same reason.
            broken = true;
        }
    }

    private bool PeerHasClosed()
    {
        try
        {
            return broken || (Socket.Poll(0, SelectMode.SelectRead) && Socket.Available == 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return true;
        }
    }
}
