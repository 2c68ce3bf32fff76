using System.Net;
using System.Net.Sockets;
using System.Text;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>What the app's end of an idle connection tells, and what it does not.</summary>
public sealed class IdleProbeTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=7\r\n\r\n", true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false)]
    [InlineData("HTTP/1.0 200 OK\r\n\r\n", false)]
    [InlineData("", false)]
    public async Task An_end_of_an_idle_connection_is_learned(string answer, bool learned) => Assert.Equal(learned, await Learns(answer, ""));

    [Fact]
    public async Task A_body_in_answer_to_head_is_no_end() =>
        Assert.False(await Learns("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "hello"));

    private static async Task<bool> Learns(string answer, string later)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var app = new AppAddress(AppScheme.Http, "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        using var pool = new UpstreamPool(app, null, new ProxyCounters(), TimeProvider.System, NullLogger.Instance);
        var probe = IdleProbe.Run(app, null, pool, TimeProvider.System, cancel);
        using (var socket = await listener.AcceptSocketAsync(cancel))
        {
            await socket.ReceiveAsync(new byte[4096], cancel);
            await socket.SendAsync(Encoding.ASCII.GetBytes(answer), cancel);
            if (later.Length > 0) await socket.SendAsync(Encoding.ASCII.GetBytes(later), cancel);
            else socket.Shutdown(SocketShutdown.Send);
            await probe;
        }

        return pool.Known;
    }
}
