using System.Collections.Concurrent;
using DrainProxy.Decisions.NodeRemoval;
using DrainProxy.Proxy.NodeRemoval;
using DrainProxy.Proxy.Settings;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Tests.NodeRemoval;

/// <summary>Each provider's documented conversation against a server that insists on it, and services that are not what they should be.</summary>
public sealed class NodeWatchTests : ILogger
{
    private const string Token = "AQAEAtoken==";
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);
    private readonly ConcurrentQueue<string> lines = new();
    private readonly TaskCompletionSource<NoticeReading> left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private QuickPauses time = new();
    private int leaves;

    [Fact]
    public async Task Aws_is_asked_with_a_session_token_and_a_spot_notice_drains()
    {
        var looks = 0;
        await using var server = await MetadataServer.Start(context => Aws(context, path => path switch
        {
            "spot/instance-action" when Interlocked.Increment(ref looks) > 2 => (200, """{"action": "terminate", "time": "2017-09-18T08:22:00Z"}"""),
            "autoscaling/target-lifecycle-state" => (200, "InService"),
            "events/recommendations/rebalance" => (200, """{"noticeTime": "2017-09-18T08:20:00Z"}"""),
            _ => (404, "Not Found"),
        }));
        var notice = await Watch(new(NodeProvider.Aws, server.Address));
        Assert.Equal(("spot terminate", new DateTimeOffset(2017, 9, 18, 8, 22, 0, TimeSpan.Zero)), (notice.Text, notice.At));
        Assert.Single(server.Asked, question => question == "PUT /latest/api/token");
        Assert.Equal([5, 5], time.Seconds);
        // The recommendation is told once and drains nothing.
        Assert.Single(lines, line => line.Contains("rebalance recommendation", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Aws_scale_in_drains()
    {
        await using var server = await MetadataServer.Start(context => Aws(context, path => path == "autoscaling/target-lifecycle-state" ? (200, "Terminated") : (404, "")));
        Assert.Equal("auto scaling: Terminated", (await Watch(new(NodeProvider.Aws, server.Address))).Text);
    }

    [Fact]
    public async Task An_expired_token_of_Aws_is_replaced_at_once()
    {
        var tokens = 0;
        await using var server = await MetadataServer.Start(context =>
        {
            if (context.Request.Method == "PUT") return MetadataServer.Say(context, 200, $"token{Interlocked.Increment(ref tokens)}");
            // The first one runs out after one round.
            if (tokens == 1 && time.Seconds.Count > 0) return MetadataServer.Say(context, 401);
            return tokens == 2 && context.Request.Path.Value!.EndsWith("instance-action", StringComparison.Ordinal)
                ? MetadataServer.Say(context, 200, """{"action": "stop"}""")
                : MetadataServer.Say(context, 404);
        });
        Assert.Equal("spot stop", (await Watch(new(NodeProvider.Aws, server.Address))).Text);
        Assert.Equal(2, tokens);
        Assert.DoesNotContain(lines, line => line.Contains("do not come", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Gcp_answers_when_its_value_changes()
    {
        var change = new TaskCompletionSource();
        await using var server = await MetadataServer.Start(async context =>
        {
            Assert.Equal("Google", context.Request.Headers["Metadata-Flavor"]);
            Assert.Equal("true", context.Request.Query["wait_for_change"]);
            var preempted = context.Request.Path == "/computeMetadata/v1/instance/preempted";
            var first = context.Request.Query["last_etag"] == "NONE";
            context.Response.Headers.ETag = first ? "one" : "two";
            if (!first)
            {
                Assert.Equal("one", context.Request.Query["last_etag"]);
                if (preempted) change.TrySetResult();
                else await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            }

            await MetadataServer.Say(context, 200, !preempted ? "NONE" : first ? "FALSE" : "TRUE");
        });
        Assert.Equal("preempted", (await Watch(new(NodeProvider.Gcp, server.Address))).Text);
        Assert.True(change.Task.IsCompletedSuccessfully);
        Assert.Equal(2, server.Asked.Count(question => question.Contains("instance/preempted", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Gcp_termination_for_maintenance_drains_beside_a_preempted_that_hangs()
    {
        await using var server = await MetadataServer.Start(async context =>
        {
            if (context.Request.Path.Value!.EndsWith("preempted", StringComparison.Ordinal)) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            await MetadataServer.Say(context, 200, "TERMINATE_ON_HOST_MAINTENANCE");
        });
        // Run ends although one of the two questions never got an answer.
        Assert.Equal("maintenance: terminate", (await Watch(new(NodeProvider.Gcp, server.Address))).Text);
    }

    [Fact]
    public async Task Azure_tells_the_events_of_all_machines_and_only_ours_drains()
    {
        var looks = 0;
        await using var server = await MetadataServer.Start(context =>
        {
            if (context.Request.Headers["Metadata"] != "true") return MetadataServer.Say(context, 400, """{"error": "Bad request. Required metadata header not specified"}""");
            if (context.Request.Path == "/metadata/instance/compute/name") return MetadataServer.Say(context, 200, "aks-pool_3");
            Assert.Equal("?api-version=2020-07-01", context.Request.QueryString.Value);
            var name = Interlocked.Increment(ref looks) < 3 ? "aks-pool_1" : "aks-pool_3";
            return MetadataServer.Say(context, 200, """{"DocumentIncarnation": 1, "Events": [{"EventType": "Preempt", "EventStatus": "Scheduled", "Resources": ["NAME"], "NotBefore": "Mon, 19 Sep 2016 18:29:47 GMT"}]}""".Replace("NAME", name));
        });
        Assert.Equal("scheduled event Preempt", (await Watch(new(NodeProvider.Azure, server.Address))).Text);
        Assert.Equal(3, looks);
        Assert.Single(server.Asked, question => question.Contains("/compute/name?", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_URL_of_the_user_is_asked_as_it_is_written()
    {
        var looks = 0;
        await using var server = await MetadataServer.Start(context => MetadataServer.Say(context, Interlocked.Increment(ref looks) < 3 ? 404 : 200, "2026-11-21T10:00:00Z"));
        var notice = await Watch(new(NodeProvider.Url, new(server.Address, "/leaving/node%201?key=a%2Fb")));
        Assert.Equal("/leaving/node%201?key=a%2Fb", server.Asked[0]["GET ".Length..].Replace("node 1", "node%201"));
        Assert.NotNull(notice.At);
        Assert.DoesNotContain(lines, line => line.Contains("key=", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_service_that_is_not_there_costs_one_line_and_less_and_less_work()
    {
        var port = Free();
        using var watch = new NodeWatch(new(NodeProvider.Aws, new($"http://127.0.0.1:{port}")), Leave, time, this);
        var run = watch.Run();
        await Until(() => time.Seconds.Count >= 7);
        watch.Stop();
        await run.WaitAsync(Limit, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal([10, 20, 40, 60, 60, 60, 60], time.Seconds.Take(7));
        Assert.Single(lines);
        Assert.Equal(0, leaves);
    }

    [Theory]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(500)]
    [InlineData(302)]
    public async Task A_service_that_refuses_is_asked_less_often_and_led_nowhere(int status)
    {
        await using var server = await MetadataServer.Start(context =>
        {
            if (context.Request.Path == "/elsewhere") return MetadataServer.Say(context, 200, "TRUE");
            context.Response.Headers.Location = "/elsewhere";
            return MetadataServer.Say(context, status, "TRUE");
        });
        foreach (var provider in new[] { NodeProvider.Aws, NodeProvider.Azure })
        {
            (time, var before) = (new(), lines.Count);
            using var watch = new NodeWatch(new(provider, server.Address), Leave, time, this);
            var run = watch.Run();
            await Until(() => time.Seconds.Count >= 3);
            watch.Stop();
            await run.WaitAsync(Limit, TimeProvider.System, TestContext.Current.CancellationToken);
            Assert.Equal([10, 20, 40], time.Seconds.Take(3));
            Assert.Equal(before + 1, lines.Count);
        }

        Assert.DoesNotContain(server.Asked, question => question.Contains("/elsewhere", StringComparison.Ordinal));
        Assert.Equal(0, leaves);
    }

    [Fact]
    public async Task A_body_without_end_and_an_answer_without_end_are_given_up()
    {
        time = new() { Limit = TimeSpan.FromMilliseconds(300) };
        var looks = 0;
        await using var server = await MetadataServer.Start(async context =>
        {
            var look = Interlocked.Increment(ref looks);
            if (look == 1) await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            if (look == 2) await MetadataServer.Say(context, 200, new string('x', (64 << 10) + 1));
            await MetadataServer.Say(context, 200, "now");
        });
        Assert.Equal("notice: now", (await Watch(new(NodeProvider.Url, server.Address))).Text);
        Assert.Equal([10, 20], time.Seconds);
        Assert.Equal(1, leaves);
    }

    private static Task Aws(HttpContext context, Func<string, (int Status, string Body)> item)
    {
        if (context.Request.Path == "/latest/api/token")
        {
            return context.Request.Method == "PUT" && context.Request.Headers["X-aws-ec2-metadata-token-ttl-seconds"] == "21600"
                ? MetadataServer.Say(context, 200, Token)
                : MetadataServer.Say(context, 400);
        }

        if (context.Request.Headers["X-aws-ec2-metadata-token"] != Token) return MetadataServer.Say(context, 401);
        var (status, body) = item(context.Request.Path.Value!["/latest/meta-data/".Length..]);
        return MetadataServer.Say(context, status, body);
    }

    private async Task<NoticeReading> Watch(NodeNoticeSource source)
    {
        using var watch = new NodeWatch(source, Leave, time, this);
        await watch.Run().WaitAsync(Limit, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(1, leaves);
        return await left.Task;
    }

    private void Leave(NoticeReading notice)
    {
        Interlocked.Increment(ref leaves);
        left.TrySetResult(notice);
    }

    private static async Task Until(Func<bool> happened)
    {
        for (var i = 0; !happened(); i++)
        {
            Assert.True(i < 3000, "not within 30 s");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    private static int Free()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        socket.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        return ((System.Net.IPEndPoint)socket.LocalEndPoint!).Port;
    }

    void ILogger.Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        lines.Enqueue(formatter(state, exception));

    bool ILogger.IsEnabled(LogLevel logLevel) => true;

    IDisposable? ILogger.BeginScope<TState>(TState state) => null;
}
