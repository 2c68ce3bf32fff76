using System.Collections.Concurrent;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Tests.NodeRemoval;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Proxy.Tests.Draining;

/// <summary>The app's own hooks, called against a real little server.</summary>
public sealed class AppHookCallsTests
{
    private static readonly TimeSpan Plenty = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Each_is_called_once_with_its_path_and_fields()
    {
        var seen = new ConcurrentQueue<string>();
        await using var server = await MetadataServer.Start(context =>
        {
            seen.Enqueue($"{context.Request.Host} {context.Request.Headers["X-Token"]} {context.Request.Headers.UserAgent}");
            return MetadataServer.Say(context, context.Request.Path == "/bye" ? 200 : 503);
        });
        var results = await Call(new AppHook(new(server.Address, "/bye?x=%2F"), [("Host", "shop"), ("X-Token", "secret"), ("user-agent", "mine")]), new AppHook(new(server.Address, "/later"), []));

        Assert.Equal([(200, null), (503, null)], results.Select(r => (r.Status, r.Problem)));
        Assert.Equal(["GET /bye?x=%2F", "GET /later"], server.Asked.Order());
        Assert.Contains("shop secret mine", seen);
        Assert.DoesNotContain("?", AppHookCalls.Shown(results[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_are_not_followed()
    {
        await using var server = await MetadataServer.Start(context =>
        {
            context.Response.Headers.Location = "/elsewhere";
            return MetadataServer.Say(context, 302);
        });
        Assert.Equal(302, Assert.Single(await Call(new AppHook(new(server.Address, "/bye"), []))).Status);
        Assert.Single(server.Asked);
    }

    [Fact]
    public async Task One_that_hangs_or_refuses_is_given_up_and_the_others_are_called()
    {
        await using var server = await MetadataServer.Start(async context =>
        {
            if (context.Request.Path == "/hangs") await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            await MetadataServer.Say(context, 200);
        });
        var results = await AppHookCalls.Call(
            [new(new(server.Address, "/hangs"), []), new(new("http://127.0.0.1:1/bye"), []), new(new(server.Address, "/bye"), [])], TimeSpan.FromSeconds(3), TimeProvider.System, NullLogger.Instance);

        Assert.Equal([0, 0, 200], results.Select(r => r.Status));
        Assert.Equal("no answer within the budget", results[0].Problem);
        Assert.NotNull(results[1].Problem);
    }

    [Fact]
    public async Task An_answer_without_end_is_enough_with_its_head()
    {
        await using var server = await MetadataServer.Start(async context =>
        {
            await MetadataServer.Say(context, 200, "begin");
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        });
        Assert.Equal(200, Assert.Single(await Call(new AppHook(new(server.Address, "/bye"), []))).Status);
    }

    private static Task<IReadOnlyList<AppHookResult>> Call(params AppHook[] hooks) => AppHookCalls.Call(hooks, Plenty, TimeProvider.System, NullLogger.Instance);
}
