using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>Apps that stop, reset and leave: their clients hear it, nothing hangs, and the next request is served.</summary>
[Trait("needs", "tools")]
public sealed class AppFaultTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    [Fact]
    public async Task Nothing_is_lost_while_the_app_is_stopped()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        await using var load = new Load(proxy.Port, 50);
        await Net.Eventually(() => Task.FromResult(load.Sent > 20), "load runs");
        app.Child.Signal(Child.Sigstop);
        try
        {
            await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() >= 50, "requests wait for the app");
        }
        finally
        {
            app.Child.Signal(Child.Sigcont);
        }

        var sent = load.Sent;
        await Net.Eventually(() => Task.FromResult(load.Sent > sent + 20), "load goes on");
        await load.Stop();
        Assert.Empty(load.Failures);
        Assert.Equal(0, (await proxy.State()).GetProperty("in_flight").GetInt32());
    }

    [Fact]
    public async Task A_stopped_app_does_not_hold_the_process_beyond_its_grace()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--lb", "none", "--grace", "6s", "--quiet", "200ms");
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        app.Child.Signal(Child.Sigstop);
        try
        {
            await client.Send(Get);
            await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "in flight");
            proxy.Child.Signal(Child.Sigterm);
            // The runner may be busy: what counts is the time that the process says it took.
            Assert.Equal(1, await proxy.Child.Exit(TimeSpan.FromSeconds(20)));
        }
        finally
        {
            app.Child.Signal(Child.Sigcont);
        }

        Assert.Equal("cut", proxy.Report().GetProperty("result").GetString());
        Assert.InRange(proxy.Report().GetProperty("total_s").GetDouble(), 0, 6);
        Assert.Equal(503, (await client.Answer()).Status);
    }

    [Theory]
    [InlineData("/length?by=fin")]
    [InlineData("/length?by=reset")]
    [InlineData("/chunked?by=fin")]
    [InlineData("/chunked?by=reset")]
    public async Task An_answer_that_the_app_breaks_off_is_broken_for_the_client(string path)
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        for (var i = 0; i < 5; i++)
        {
            using var http1 = await RawConnection.Open(proxy.Port);
            await http1.Send($"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            var head = await http1.Answer(toHead: true);
            Assert.Equal(200, head.Status);
            var (text, _) = await http1.Rest();
            if (path.StartsWith("/length", StringComparison.Ordinal))
            {
                Assert.Equal("100000", head.Field("Content-Length"));
                Assert.True(text.Length < 100_000, $"{text.Length} bytes");
            }
            else
            {
                Assert.Equal("chunked", head.Field("Transfer-Encoding"));
                Assert.False(text.EndsWith("0\r\n\r\n", StringComparison.Ordinal), "ended as if whole");
            }

            using var http2 = await RawHttp2.Open(proxy.Port);
            await http2.Get(1, path);
            var (_, others) = await http2.Answer(1);
            Assert.Contains(others, f => f.Type == FrameType.ResetStream && f.Error != 0);
            await http2.Get(3, "/");
            Assert.Equal("ok", (await http2.Answer(3)).Body);
        }

        await Served(proxy);
    }

    [Theory]
    [InlineData("fin")]
    [InlineData("reset")]
    public async Task An_app_that_leaves_without_an_answer_is_one_clear_502(string by)
    {
        await using var app = await NodeScript.Start("faults.js");
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var client = await RawConnection.Open(proxy.Port);
        for (var i = 0; i < 20; i++)
        {
            var answer = await client.Exchange($"POST /nothing?by={by} HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
            Assert.Equal(502, answer.Status);
            Assert.Contains("error=connection_terminated", answer.Field("Proxy-Status"), StringComparison.Ordinal);
        }

        await Served(proxy);
    }

    private static async Task Served(DrainProxyProcess proxy)
    {
        using var client = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok", (await client.Exchange(Get)).Body);
        Assert.Equal(0, (await proxy.State()).GetProperty("in_flight").GetInt32());
    }
}
