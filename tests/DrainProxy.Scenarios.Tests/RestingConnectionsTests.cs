using System.Net.Sockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Connections that have been idle for more than the two seconds after which the server lets go of them are as good as others.</summary>
[Trait("needs", "tools")]
public sealed class RestingConnectionsTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    private const string Post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody";

    /// <summary>Idle for two seconds, looked at once a second, and one second more.</summary>
    private const double Rest = 4;

    [Fact]
    public async Task They_serve_refuse_and_end_after_any_number_of_rests()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--lb", "none", "--grace", "20s", "--linger", "0s", "--quiet", "0s");
        await proxy.Ready();
        var idle = new List<RawConnection>();
        for (var i = 0; i < 20; i++) idle.Add(await RawConnection.Open(proxy.Port));
        try
        {
            for (var round = 0; round < 3; round++)
            {
                foreach (var connection in idle)
                {
                    Assert.Equal("ok 0", (await connection.Exchange(Get)).Body);
                    Assert.Equal("ok 4", (await connection.Exchange(Post)).Body);
                }

                await Net.Pause(Rest);
            }

            // Half a head: the rest of it may take its time.
            await idle[0].Send(Get[..10]);
            await Net.Pause(Rest);
            Assert.Equal("ok 0", (await idle[0].Exchange(Get[10..])).Body);
            // A body in two parts, with more than a rest between them.
            await idle[1].Send(Post[..^2]);
            await Net.Pause(Rest);
            Assert.Equal("ok 4", (await idle[1].Exchange(Post[^2..])).Body);

            var refused = await idle[2].Exchange("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: nonsense\r\n\r\n");
            Assert.Equal(501, refused.Status);
            Assert.Equal(("", RawEnd.Fin), await idle[2].Rest());
            // Left by their clients, gently and not.
            idle[3].EndOurHalf();
            Assert.Equal(("", RawEnd.Fin), await idle[3].Rest());
            idle[4].Socket.LingerState = new LingerOption(true, 0);
            idle[4].Socket.Close();
            await Net.Eventually(async () => await proxy.Metric("drainproxy_connections{side=\"downstream\",state=\"idle\"}") == idle.Count - 3, "three have gone");

            proxy.Child.Signal(Child.Sigterm);
            foreach (var connection in idle.Skip(5)) Assert.Equal(("", RawEnd.Fin), await connection.Rest());
            foreach (var connection in idle) connection.Dispose();
            Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
            Assert.Equal("clean", proxy.Report().GetProperty("result").GetString());
        }
        finally
        {
            foreach (var connection in idle) connection.Dispose();
        }
    }
}
