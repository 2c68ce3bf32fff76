using System.Globalization;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The wall clock jumps by hours, as after a suspend or a first synchronisation: no wait of ours may notice.</summary>
[Trait("needs", "tools")]
public sealed class ClockTests
{
    private const string Get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    [Theory]
    [InlineData(+7)]
    [InlineData(-7)]
    public async Task A_jump_ends_no_connection_no_request_and_no_drain(int hours)
    {
        using var folder = new TemporaryFolder();
        var clock = folder.Write("clock", "+0");
        await using var app = await App.Node(keepAliveMs: 60_000);
        await using var proxy = DrainProxyProcess.StartAs(app.Address, more: ["--lb", "none", "--linger", "1s", "--quiet", "200ms", "--grace", "20s"],
            environment: new Dictionary<string, string>
            {
                ["LD_PRELOAD"] = Library(),
                ["FAKETIME_TIMESTAMP_FILE"] = clock,
                ["FAKETIME_NO_CACHE"] = "1",
                // The monotonic clock is the one that does not jump.
                ["FAKETIME_DONT_FAKE_MONOTONIC"] = "1",
            });
        await proxy.Ready();
        using var idle = await RawConnection.Open(proxy.Port);
        using var events = await RawConnection.Open(proxy.Port);
        using var slow = await RawConnection.Open(proxy.Port);
        Assert.Equal("ok 0", (await idle.Exchange(Get)).Body);
        await events.Send("GET /sse HTTP/1.1\r\nHost: x\r\n\r\n");
        Assert.Equal(200, (await events.Answer(toHead: true)).Status);
        await slow.Send("GET /slow?ms=2500 HTTP/1.1\r\nHost: x\r\n\r\n");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() >= 1, "in flight");

        await Jump(clock, hours, proxy);
        Assert.Equal("ok 0", (await idle.Exchange(Get)).Body);
        Assert.Equal("slow done", (await slow.Answer()).Body);
        for (var i = 0; i < 20; i++) await events.Line();
        await Net.Answers(proxy.Admin, "/readyz");

        // And once more, back, while a request is in flight and the drain waits for it.
        await slow.Send("GET /slow?ms=2500 HTTP/1.1\r\nHost: x\r\n\r\n");
        await Net.Eventually(async () => (await proxy.State()).GetProperty("in_flight").GetInt32() >= 1, "in flight");
        proxy.Child.Signal(Child.Sigterm);
        await Net.Answers(proxy.Admin, "/readyz", 503);
        await Jump(clock, -hours, proxy);
        Assert.Equal("slow done", (await slow.Answer()).Body);
        Assert.Equal(0, await proxy.Child.Exit(TimeSpan.FromSeconds(20)));

        var report = proxy.Report();
        Assert.Equal("clean", report.GetProperty("result").GetString());
        Assert.InRange(report.GetProperty("total_s").GetDouble(), 0, 20);
    }

    /// <summary>Waits until the program has seen it, or the test would show nothing: its answers are dated by its clock.</summary>
    private static async Task Jump(string clock, int hours, DrainProxyProcess proxy)
    {
        // Replaced as a whole, so that no reader sees half of it.
        File.WriteAllText(clock + ".new", string.Create(CultureInfo.InvariantCulture, $"{hours:+0;-0}h"));
        File.Move(clock + ".new", clock, overwrite: true);
        using var http = new HttpClient();
        await Net.Eventually(async () =>
        {
            using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Admin}/livez");
            var seen = (answer.Headers.Date!.Value - TimeProvider.System.GetUtcNow()).TotalHours;
            return Math.Abs(seen - hours) < 0.1;
        }, $"the clock is {hours} h away");
    }

    private static string Library() => Tool.Any(
        Directory.GetDirectories("/usr/lib").Select(d => Path.Combine(d, "faketime", "libfaketimeMT.so.1")), "libfaketimeMT.so.1", "libfaketime");
}
