using System.Net;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What a connection sees during a drain, frame by frame and byte by byte: announced first, ended last, and never by a reset.</summary>
[Trait("needs", "tools")]
public sealed class ConnectionDrainTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    private static readonly string[] Settings = ["--lb", "none", "--grace", "20s", "--linger", "2s", "--quiet", "1s"];

    [Fact]
    public async Task An_idle_connection_stays_open_while_lingering_and_its_late_request_is_served()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var used = await RawConnection.Open(proxy.Port);
        using var silent = await RawConnection.Open(proxy.Port);
        Assert.Equal("", (await used.Exchange(Get)).Field("Connection"));
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 0, "the first answer is accounted");

        proxy.Child.Signal(Child.Sigterm);
        await Phase(proxy, "lingering");
        await Net.Answers(proxy.Admin, "/readyz", 503);
        await Net.Pause(1);
        var late = await used.Exchange(Get);
        Assert.Equal((200, "close"), (late.Status, late.Field("Connection").ToLowerInvariant()));
        Assert.Equal(("", RawEnd.Fin), await used.Rest());

        // Still reachable by those who have not heard yet.
        using (var late2 = await RawConnection.Open(proxy.Port)) Assert.Equal(200, (await late2.Exchange(Get)).Status);
        Assert.Equal(("", RawEnd.Fin), await silent.Rest());
        silent.Dispose();
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        var report = proxy.Report();
        Assert.Equal("clean", report.GetProperty("result").GetString());
        Assert.Equal(2, report.GetProperty("served_while_terminating").GetInt32());
        Assert.True(report.GetProperty("last_request_s").GetDouble() >= report.GetProperty("last_new_connection_s").GetDouble());
    }

    [Fact]
    public async Task A_request_behind_our_fin_is_counted_as_lost()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var idle = await RawConnection.Open(proxy.Port);
        await idle.Exchange(Get);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(("", RawEnd.Fin), await idle.Rest());
        await idle.Send(Get);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        Assert.Equal(1, proxy.Report().GetProperty("lost").GetProperty("late_after_close").GetInt32());
    }

    [Fact]
    public async Task An_http2_connection_hears_goaway_at_once_and_serves_what_still_comes()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var http2 = await RawHttp2.Open(proxy.Port);
        await http2.Get(1, "/");
        Assert.Equal("ok 0", (await http2.Answer(1)).Body);
        await http2.Get(3, "/slow?ms=2500");

        proxy.Child.Signal(Child.Sigterm);
        var announced = await http2.Next();
        Assert.Equal((FrameType.GoAway, int.MaxValue, 0u), (announced!.Type, announced.LastStream, announced.Error));
        await http2.Get(5, "/");
        Assert.Equal("ok 0", (await http2.Answer(5)).Body);
        Assert.Equal("slow done", (await http2.Answer(3)).Body);
        var last = await http2.Next();
        Assert.Equal((FrameType.GoAway, 0u), (last!.Type, last.Error));
        Assert.True(last.LastStream >= 5, $"the last GOAWAY takes back stream 5: {last.LastStream}");
        Assert.Null(await http2.Next());
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        Assert.Equal("clean", proxy.Report().GetProperty("result").GetString());
    }

    [Fact]
    public async Task A_quiet_http2_connection_hears_goaway_and_ends_without_a_reset()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var http2 = await RawHttp2.Open(proxy.Port);
        await http2.Get(1, "/");
        await http2.Answer(1);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(FrameType.GoAway, (await http2.Next())!.Type);
        await Phase(proxy, "lingering");
        Assert.Equal(FrameType.GoAway, (await http2.Next())!.Type);
        Assert.Null(await http2.Next());
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task An_upload_that_is_under_way_at_t0_is_taken_whole()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var upload = await RawConnection.Open(proxy.Port);
        await upload.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == 1, "the upload is in flight");
        proxy.Child.Signal(Child.Sigterm);
        // Longer than linger and quiet together: only the request in flight keeps the drain open.
        for (var i = 0; i < 6; i++)
        {
            await upload.Send("ten bytes.");
            await Net.Pause(1);
        }

        var answer = await upload.Answer();
        Assert.Equal((200, "ok 60", "close"), (answer.Status, answer.Body, answer.Field("Connection").ToLowerInvariant()));
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
        Assert.Equal(0, proxy.Report().GetProperty("cut_in_flight").GetInt32());
    }

    [Fact]
    public async Task A_thousand_hooks_have_their_answer_before_the_process_ends()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--lb", "none", "--grace", "15s", "--linger", "3s", "--quiet", "1s");
        await proxy.Ready();
        proxy.Child.Signal(Child.Sigterm);
        await Phase(proxy, "lingering");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(30) };
        var hooks = await Task.WhenAll(Enumerable.Range(0, 1000).Select(async _ =>
        {
            using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait");
            return (answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }));
        Assert.All(hooks, h => Assert.Equal((HttpStatusCode.OK, "drained\n"), h));
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task The_hook_of_a_container_restart_starts_nothing()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var http = new HttpClient();
        Assert.Equal("not terminating\n", await http.GetStringAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait"));
        await Net.Answers(proxy.Admin, "/readyz");
        using var connection = await RawConnection.Open(proxy.Port);
        Assert.Equal("", (await connection.Exchange(Get)).Field("Connection"));
    }

    private static Task Phase(DrainProxyProcess proxy, string phase) =>
        Net.Eventually(async () => (await proxy.State()).GetProperty("phase").GetString() == phase, phase);
}
