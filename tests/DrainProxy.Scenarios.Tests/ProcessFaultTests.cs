using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What happens to the process itself: killed without a word and started anew, out of descriptors.</summary>
[Trait("needs", "tools")]
public sealed class ProcessFaultTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    [Fact]
    public async Task Killed_and_started_anew_behind_haproxy_it_serves_at_once()
    {
        await using var app = await App.Node();
        await using var balancer = new HaProxy();
        await using var killed = DrainProxyProcess.Start(app.Address);
        await killed.Ready();
        await balancer.Use([killed.Port]);
        await using var during = new Load(balancer.Port, 50);
        await Net.Eventually(() => Task.FromResult(during.Sent > 20), "load runs");
        Assert.Empty(during.Failures);
        killed.Child.Signal(Child.Sigkill);
        await killed.Child.Exit(TimeSpan.FromSeconds(5));
        await Net.Eventually(() => Task.FromResult(during.Failures.Count > 0), "HAProxy sees that nobody is there");
        await using var anew = DrainProxyProcess.StartAs(app.Address, (killed.Port, killed.Admin));
        await anew.Ready();
        var sent = during.Sent;
        await Net.Eventually(() => Task.FromResult(during.Sent > sent + 100), "load goes on");
        await during.Stop();
        // HAProxy's own answers while nobody listened: none that hung, and none for what was sent to the new process.
        Assert.All(during.Failures, f => Assert.Matches(": (502|503)$", f));
        Assert.DoesNotContain(during.Failures, f => int.Parse(f.Split(' ')[1].TrimEnd(':')) > sent);
    }

    /// <summary>Half of the clients wait for an answer of the app, half are idle, and more of them come than the descriptors allow: 300 on both sides of us
    /// would be 600.</summary>
    [Fact]
    public async Task With_all_descriptors_taken_probes_metrics_and_the_drain_work()
    {
        const int Limit = 512;
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.StartAs(app.Address,
            under: [Tool.Find("prlimit", "util-linux"), $"--nofile={Limit}:{Limit}"], more: ["--lb", "none", "--grace", "12s", "--quiet", "200ms"]);
        await proxy.Ready();
        var clients = await Flood(proxy, 300);
        await Works(proxy, clients.Count);
        // Accepting pauses: a loop around a failing accept would burn the processor.
        var before = Processor(proxy.Child);
        await Net.Pause(1);
        Assert.True(Processor(proxy.Child) - before < 50, $"{Processor(proxy.Child) - before} hundredths of a second of processor in one second");
        foreach (var client in clients) client.Dispose();
        await Net.Eventually(async () =>
        {
            using var client = await RawConnection.Open(proxy.Port);
            return (await client.Exchange(Get)).Body == "ok 0";
        }, "a plain GET works when the connections have left", 10);

        clients = await Flood(proxy, 300);
        await Works(proxy, clients.Count);
        proxy.Child.Signal(Child.Sigterm);
        await proxy.Child.Exit(TimeSpan.FromSeconds(12));
        Assert.NotEqual("forced", proxy.Report().GetProperty("result").GetString());
        foreach (var client in clients) client.Dispose();
    }

    [Fact]
    [Trait("cause", "descriptors")]
    public async Task Many_streams_of_few_connections_do_not_take_all_descriptors()
    {
        const int Limit = 512;
        const int Streams = 100;
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.StartAs(app.Address,
            under: [Tool.Find("prlimit", "util-linux"), $"--nofile={Limit}:{Limit}"], more: ["--lb", "none", "--grace", "12s", "--quiet", "200ms"]);
        await proxy.Ready();
        var clients = new List<RawHttp2>();
        for (var i = 0; i < 5; i++)
        {
            clients.Add(await RawHttp2.Open(proxy.Port));
            for (var stream = 0; stream < Streams; stream++) await clients[i].Get((2 * stream) + 1, "/slow?ms=4000");
        }

        // Those beyond the room are refused at once; each of the others is answered.
        await Net.Eventually(async () => await proxy.Metric("drainproxy_shed_total{reason=\"descriptors\"}") > 0, "some are refused");
        await Net.Answers(proxy.Admin, "/livez", seconds: 5);
        foreach (var client in clients)
        {
            for (var ended = 0; ended < Streams;)
            {
                var frame = await client.Next();
                Assert.NotNull(frame);
                Assert.NotEqual(FrameType.ResetStream, frame.Type);
                if (frame.EndsStream) ended++;
            }
        }

        Assert.Equal(0, await proxy.Metric("drainproxy_requests_total{code_class=\"5xx\",outcome=\"failed\"}"));
        using var after = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok 0", (await after.Exchange(Get)).Body);
        foreach (var client in clients) client.Dispose();
    }

    private static async Task<List<RawConnection>> Flood(DrainProxyProcess proxy, int count)
    {
        var clients = new List<RawConnection>();
        for (var i = 0; i < count; i++)
        {
            var client = await RawConnection.Open(proxy.Port);
            await client.Send(i % 2 == 0 ? Get : "GET /slow?ms=4000 HTTP/1.1\r\nHost: x\r\n\r\n");
            clients.Add(client);
        }

        return clients;
    }

    private static async Task Works(DrainProxyProcess proxy, int clients)
    {
        await Net.Answers(proxy.Admin, "/livez", seconds: 5);
        await Net.Answers(proxy.Admin, "/readyz", seconds: 5);
        Assert.True(await proxy.Metric("drainproxy_in_flight_requests") > 0, "nothing in flight");
        var open = await proxy.Metric("drainproxy_connections{side=\"downstream\",state=\"active\"}")
            + await proxy.Metric("drainproxy_connections{side=\"downstream\",state=\"idle\"}");
        Assert.True(open < clients, $"all {clients} clients were accepted: nothing was short");
    }

    /// <summary>Processor time in hundredths of a second: utime and stime of proc(5).</summary>
    private static long Processor(Child process)
    {
        var fields = File.ReadAllText($"/proc/{process.Id}/stat").Split(") ")[^1].Split(' ');
        return long.Parse(fields[11]) + long.Parse(fields[12]);
    }
}
