using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>curl, nghttp and h2load as clients, over HTTP/1.1 and HTTP/2, with bodies of a size that passes every buffer.</summary>
[Trait("needs", "tools")]
public sealed class CommandLineClientsTests
{
    private const int Large = 3_000_000;

    [Theory]
    [InlineData("--http1.1", "1.1", true)]
    // Asks for h2c in an Upgrade field, which is not for us to take (RFC 9113 section 3.1).
    [InlineData("--http2", "1.1", true)]
    [InlineData("--http1.0", "1.1", false)]
    [InlineData("--http2-prior-knowledge", "2", true)]
    public async Task Curl_uploads_in_every_way(string version, string said, bool keepsAlive)
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var folder = new TemporaryFolder();
        var file = folder.Write("body", new string('x', Large));
        string[][] ways =
        [
            ["--data-binary", $"@{file}"],
            ["--data-binary", $"@{file}", "-H", "Expect: 100-continue"],
            ["-T", file],
            // Of unknown length: in chunks, or in frames until the end of the stream. HTTP/1.0 has none.
            .. version == "--http1.0" ? Array.Empty<string[]>() : [["-T", "-", "-X", "POST"]],
        ];
        foreach (var way in ways)
        {
            // One URL twice: the second request goes over the same connection. Not over HTTP/2, where Debian 12's curl (7.88.1) fails so with
            // every server ("Error in the HTTP2 framing layer", also without a proxy).
            var twice = way[0] != "-T" && said == "1.1";
            var url = $"http://127.0.0.1:{proxy.Port}/";
            await using var curl = Child.Start("/bin/sh",
                ["-c", "file=$1; shift; exec \"$@\" < \"$file\"", "sh", file, Tool.Find("curl", "curl"), "-sS", "--max-time", "20", version, .. way,
                    "-w", "\n%{http_version} %{http_code} %{num_connects}\n", url, .. twice ? new[] { url } : []]);
            Assert.True(await curl.Exit(TimeSpan.FromSeconds(30)) == 0, curl.Output);
            string[] once = [$"ok {Large}", $"{said} 200 1"];
            Assert.Equal(twice ? [.. once, $"ok {Large}", $"{said} 200 {(keepsAlive ? 0 : 1)}"] : once, curl.Lines);
        }
    }

    [Fact]
    public async Task Nghttp_gets_and_posts()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var folder = new TemporaryFolder();
        var url = $"http://127.0.0.1:{proxy.Port}/";
        await using var get = Child.Start(Tool.Find("nghttp", "nghttp2-client"), ["-v", "--timeout=10", url, url + "?2", url + "?3"]);
        Assert.True(await get.Exit(TimeSpan.FromSeconds(15)) == 0, get.Output);
        Assert.Equal(3, get.Lines.Count(l => l.Contains(":status: 200", StringComparison.Ordinal)));
        Assert.DoesNotContain("RST_STREAM", get.Output, StringComparison.Ordinal);
        await using var post = Child.Start(Tool.Find("nghttp", "nghttp2-client"), ["--timeout=10", "-d", folder.Write("body", new string('x', Large)), url]);
        Assert.True(await post.Exit(TimeSpan.FromSeconds(15)) == 0, post.Output);
        Assert.Contains($"ok {Large}", post.Output, StringComparison.Ordinal);
    }

    /// <summary>Weights and dependencies (RFC 7540 section 5.3) are void today and harm nobody; small windows slow only their own connection.</summary>
    [Fact]
    public async Task Nghttp_with_priorities_windows_and_trailers_gets_all()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var folder = new TemporaryFolder();
        var body = folder.Write("body", new string('x', Large));
        (string[] Options, int Answers)[] ways =
        [
            (["-m", "30", "-p", "17"], 30),
            (["-m", "30", "--no-dep"], 30),
            (["-m", "10", "-w", "14", "-W", "14", "--header-table-size=0"], 10),
            (["-m", "3", "-d", body, "--no-content-length"], 3),
            (["--expect-continue", "-d", body], 1),
            (["--trailer", "x-t:1", "-d", body], 1),
        ];
        foreach (var (options, answers) in ways)
        {
            await using var run = Child.Start(Tool.Find("nghttp", "nghttp2-client"), ["-v", "--timeout=10", .. options, $"http://127.0.0.1:{proxy.Port}/"]);
            Assert.True(await run.Exit(TimeSpan.FromSeconds(15)) == 0, run.Output);
            Assert.Equal(answers, run.Lines.Count(l => l.Contains(":status: 200", StringComparison.Ordinal)));
            Assert.DoesNotContain("RST_STREAM", run.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_request_of_h2load_succeeds(bool http1)
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        await using var load = Child.Start(Tool.Find("h2load", "nghttp2-client"),
            ["-n", "4000", "-c", "20", .. http1 ? new[] { "--h1" } : ["-m", "20"], $"http://127.0.0.1:{proxy.Port}/"]);
        Assert.True(await load.Exit(TimeSpan.FromSeconds(60)) == 0, load.Output);
        Assert.Contains("requests: 4000 total, 4000 started, 4000 done, 4000 succeeded, 0 failed, 0 errored, 0 timeout", load.Lines);
        Assert.Contains(load.Lines, l => l.StartsWith("status codes: 4000 2xx", StringComparison.Ordinal));
    }
}
