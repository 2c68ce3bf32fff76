using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Settings;

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
            if (app.Scheme != AppScheme.Unix) Listening.TrackedConnection.KeepAlive(socket);
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
