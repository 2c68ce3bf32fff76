using System.Net;
using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Wire.Tests;

/// <summary>Streams whose clients give no window (RFC 9113 section 10.5): what all of them together hold is bounded, and nobody else notices.</summary>
[Collection(Alone.Name)]
public sealed class ZeroWindowTests
{
    private const int Connections = 16;
    private const int Streams = 50;

    /// <summary>A container of 64 MB lets 16 MB be held: 585 streams with 28 KB each, which is fewer than are opened.</summary>
    private const string HeapLimit = "4000000";

    private const int Taken = 64 * 1024;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Connections_that_take_nothing_are_ended_when_all_hold_too_much()
    {
        using var app = new TcpListener(IPAddress.Loopback, 0);
        app.Start(1024);
        var serving = Serve(app);
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(
            DrainProxyProcess.Program,
            ["run", "--listen", $"127.0.0.1:{port}", "--admin", $"127.0.0.1:{admin}", "--app", $"http://127.0.0.1:{((IPEndPoint)app.LocalEndpoint).Port}", "--log-level", "warning"],
            new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = HeapLimit });
        await Net.Answers(admin, "/readyz");
        List<RawHttp2> clients = [];
        try
        {
            for (var i = 0; i < Connections; i++)
            {
                var client = await RawHttp2.Open(port);
                clients.Add(client);
                // SETTINGS_INITIAL_WINDOW_SIZE 0.
                await client.Send(FrameType.Settings, 0, 0, [0, 4, 0, 0, 0, 0]);
                for (var stream = 0; stream < Streams; stream++) await client.Get((2 * stream) + 1, "/large");
            }

            await Net.Eventually(() => Task.FromResult(proxy.Output.Contains("Answers that clients did not take held", StringComparison.Ordinal)), "it is told that connections were ended");
            using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
            var ended = await Task.WhenAny(clients.Select(client => GoAway(client, limit.Token)));
            // ENHANCE_YOUR_CALM, or nothing where the end came before it.
            Assert.True(await ended is 0xb or null);
            await Net.Answers(port, "/small");
        }
        finally
        {
            foreach (var client in clients) client.Dispose();
        }

        app.Stop();
        await serving;
    }

    /// <summary>Waits for the end of the connection; the error code of its GOAWAY.</summary>
    private static async Task<uint?> GoAway(RawHttp2 client, CancellationToken limit)
    {
        uint? error = null;
        try
        {
            while (await client.Next().WaitAsync(limit) is { } frame)
            {
                if (frame.Type == FrameType.GoAway) error = frame.Error;
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            // Ended hard.
        }

        return error;
    }

    /// <summary>An app that answers /large with more than anybody takes, other paths with a word.</summary>
    private static async Task Serve(TcpListener app)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await app.AcceptSocketAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = Answer(socket);
        }
    }

    private static async Task Answer(Socket socket)
    {
        using var _ = socket;
        var buffer = new byte[16 * 1024];
        try
        {
            while (await socket.ReceiveAsync(buffer) is var count and > 0)
            {
                if (!buffer.AsSpan(0, count).StartsWith("GET /large"u8))
                {
                    await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray());
                    continue;
                }

                await socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"u8.ToArray());
                // More than the proxy takes; nobody is kept busy by what it leaves.
                for (var sent = 0; sent < Taken; sent += buffer.Length) await socket.SendAsync(buffer);
            }
        }
        catch (SocketException)
        {
            // The proxy has given the exchange up.
        }
    }
}
