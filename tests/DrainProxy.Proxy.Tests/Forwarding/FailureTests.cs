using System.Net;
using System.Net.Sockets;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Tests.Forwarding;

/// <summary>What SocketsHttpHandler says when an HTTP/2 app ends a connection, and what we take it for.</summary>
public sealed class FailureTests
{
    /// <summary>Length 0, type 4.</summary>
    private static readonly byte[] Settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];

    public static TheoryData<string, UpstreamCause> Endings => new()
    {
        { "reset before its SETTINGS", UpstreamCause.ClosedBeforeAnswer },
        { "closed before its SETTINGS", UpstreamCause.ClosedBeforeAnswer },
        { "closed within its SETTINGS", UpstreamCause.ClosedBeforeAnswer },
        { "reset after its SETTINGS", UpstreamCause.ClosedBeforeAnswer },
        { "closed after its SETTINGS", UpstreamCause.ClosedBeforeAnswer },
        { "answers in HTTP/1.1", UpstreamCause.AppProtocolError },
    };

    [Theory]
    [MemberData(nameof(Endings))]
    public async Task An_app_that_ends_is_told_from_one_that_speaks_no_HTTP_2(string ending, UpstreamCause cause)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var app = End(listener, ending);
        using var handler = new SocketsHttpHandler();
        using var invoker = new HttpMessageInvoker(handler);
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{listener.LocalEndpoint}/")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };

        var told = await Assert.ThrowsAsync<HttpRequestException>(() => invoker.SendAsync(request, TestContext.Current.CancellationToken));
        await app;

        var failure = Failure.Of(ForwarderError.Request, told);
        Assert.Equal(cause, failure.Cause);
        Assert.False(failure.NotConnected || failure.NotProcessed);
    }

    private static async Task End(TcpListener listener, string ending)
    {
        using var socket = await listener.AcceptSocketAsync();
        // The preface is there, so that the end does not meet the handler while it still writes.
        await socket.ReceiveAsync(new byte[4096]);
        if (ending.Contains("within", StringComparison.Ordinal)) await socket.SendAsync(Settings[..5]);
        if (ending.Contains("after", StringComparison.Ordinal)) await socket.SendAsync(Settings);
        if (ending.Contains("HTTP/1.1", StringComparison.Ordinal))
        {
            await socket.SendAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray());
            // A close with bytes unread would be a reset, and overtake the answer.
            await Rest(socket);
            return;
        }

        if (ending.StartsWith("reset", StringComparison.Ordinal)) socket.LingerState = new(true, 0);
        else socket.Shutdown(SocketShutdown.Send);
    }

    private static async Task Rest(Socket socket)
    {
        try
        {
            while (await socket.ReceiveAsync(new byte[4096]) > 0)
            {
                // Until the handler has left.
            }
        }
        catch (SocketException)
        {
            // By a reset.
        }
    }
}
