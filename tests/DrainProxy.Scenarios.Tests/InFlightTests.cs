using System.Net.WebSockets;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What is in flight at t0 ends well: long requests by their answer, endless streams by their protocol.</summary>
[Trait("needs", "tools")]
public sealed class InFlightTests
{
    private static readonly string[] Settings = ["--lb", "none", "--grace", "30s", "--linger", "1s", "--quiet", "1s"];

    [Fact]
    public async Task A_request_of_ten_seconds_finishes_and_the_hook_returns_after_it()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=10000");
        await InFlight(proxy, 1);

        var hook = http.GetAsync($"http://127.0.0.1:{proxy.Admin}/drain/wait");
        proxy.Child.Signal(Child.Sigterm);
        Assert.Same(slow, await Task.WhenAny(slow, hook));
        Assert.Equal("slow done", await slow);
        Assert.Equal(200, (int)(await hook).StatusCode);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(5)));
        var report = proxy.Report();
        Assert.Equal("clean", report.GetProperty("result").GetString());
        Assert.Equal("sigterm", report.GetProperty("trigger").GetString());
        Assert.Equal(1, report.GetProperty("in_flight_at_start").GetInt32());
    }

    [Fact]
    public async Task A_websocket_gets_1001_on_both_sides()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{proxy.Port}/ws"), CancellationToken.None);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[100];
        var echo = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
        Assert.Equal("hello", System.Text.Encoding.UTF8.GetString(buffer, 0, echo.Count));

        proxy.Child.Signal(Child.Sigterm);
        var end = await socket.ReceiveAsync(buffer, CancellationToken.None);
        Assert.Equal(WebSocketMessageType.Close, end.MessageType);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, socket.CloseStatus);
        await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
        await Net.Eventually(() => Task.FromResult(app.Child.Lines.Contains("close 1001")), "the app sees 1001");
        Assert.Equal(1, proxy.Report().GetProperty("streams_closed").GetProperty("websocket").GetInt32());
    }

    [Fact]
    public async Task While_lingering_everything_is_still_opened_and_told_to_end()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--lb", "none", "--grace", "30s", "--linger", "4s", "--quiet", "1s");
        await proxy.Ready();
        proxy.Child.Signal(Child.Sigterm);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        using var http = new HttpClient();
        using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Port}/");
        Assert.Equal(200, (int)answer.StatusCode);
        Assert.True(answer.Headers.ConnectionClose);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://127.0.0.1:{proxy.Port}/ws"), CancellationToken.None);
        var end = await socket.ReceiveAsync(new byte[100], CancellationToken.None);
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, end.CloseStatus);
        await socket.CloseAsync(WebSocketCloseStatus.EndpointUnavailable, null, CancellationToken.None);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
    }

    [Fact]
    public async Task An_event_stream_ends_after_a_whole_event()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, Settings);
        await proxy.Ready();
        using var http = new HttpClient();
        // GetString fails on an answer that is cut; a clean end is part of what is asserted.
        var events = http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/sse");
        await InFlight(proxy, 1);
        proxy.Child.Signal(Child.Sigterm);
        var text = await events;
        Assert.EndsWith("\n\n", text, StringComparison.Ordinal);
        Assert.All(text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries), e => Assert.Matches("^id: \\d+\ndata: \\d+$", e));
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(15)));
        Assert.Equal(1, proxy.Report().GetProperty("streams_closed").GetProperty("sse").GetInt32());
    }

    [Fact]
    [Trait("cause", "cut_at_deadline")]
    public async Task Work_beyond_the_deadline_is_cut_and_said_so()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, "--lb", "none", "--grace", "4s", "--access-log", "errors");
        await proxy.Ready();
        using var http = new HttpClient();
        var slow = http.GetAsync($"http://127.0.0.1:{proxy.Port}/slow?ms=60000");
        await InFlight(proxy, 1);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(1, await proxy.Child.Exit(TimeSpan.FromSeconds(4)));
        Assert.Equal(503, (int)(await slow).StatusCode);
        var report = proxy.Report();
        Assert.Equal("cut", report.GetProperty("result").GetString());
        Assert.Equal(1, report.GetProperty("lost").GetProperty("cut_at_deadline").GetInt32());
        Assert.Contains("\"cause\":\"cut_at_deadline\"", proxy.Child.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_grpc_stream_at_the_deadline_sees_unavailable()
    {
        var python = Tool.Find("python3", "python3-grpcio");
        var grpcio = Directory.Exists("/usr/lib/python3/dist-packages/grpc") ? "/usr/bin/python3" : null;
        Assert.SkipWhen(grpcio is null && Environment.GetEnvironmentVariable("CI") != "true", "grpc for python3 is not installed (Debian package python3-grpcio)");
        var script = Path.Combine(AppContext.BaseDirectory, "Apps", "grpc_peer.py");
        var port = Net.FreePort();
        await using var server = Child.Start(grpcio ?? python, [script, "server", port.ToString()]);
        await Net.Eventually(() => Task.FromResult(server.Lines.Contains("serving")), "the gRPC server serves", 20);
        await using var proxy = DrainProxyProcess.Start($"h2c://127.0.0.1:{port}", "--lb", "none", "--grace", "6s", "--quiet", "1s");
        await proxy.Ready();

        await using var kinds = Child.Start(grpcio ?? python, [script, "kinds", proxy.Port.ToString()]);
        Assert.Equal(0, await kinds.Exit(TimeSpan.FromSeconds(20)));
        await using var client = Child.Start(grpcio ?? python, [script, "endless", proxy.Port.ToString()]);
        await Net.Eventually(() => Task.FromResult(client.Lines.Contains("message")), "messages flow", 20);
        proxy.Child.Signal(Child.Sigterm);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(6)));
        Assert.Equal(0, await client.Exit(TimeSpan.FromSeconds(10)));
        Assert.Contains("status UNAVAILABLE: the server is shutting down", client.Lines);
        Assert.Equal(1, proxy.Report().GetProperty("streams_closed").GetProperty("grpc").GetInt32());
    }

    private static Task InFlight(DrainProxyProcess proxy, int count) =>
        Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() == count, $"{count} in flight");
}
