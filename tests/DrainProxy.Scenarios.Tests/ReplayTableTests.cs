using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>The rows of the replay table (docs/bridge.md) with real apps: over HTTP/1.1, TLS and HTTP/2; who runs a request, and how often.</summary>
[Trait("needs", "tools")]
public sealed class ReplayTableTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    [Theory]
    // Died on with everything in hand: idempotent requests are sent again, with their body where it was small.
    [InlineData("http", "GET", 0, "/die", 1, 2)]
    [InlineData("http", "PUT", 100, "/die", 1, 2)]
    [InlineData("http", "PUT", 16 * 1024, "/die", 2, 3)]
    [InlineData("http", "DELETE", 0, "/die", 1, 2)]
    [InlineData("https", "GET", 0, "/die", 1, 2)]
    [InlineData("https", "PUT", 100, "/die", 1, 2)]
    [InlineData("h2c", "GET", 0, "/die", 1, 2)]
    [InlineData("h2c", "PUT", 100, "/die", 1, 2)]
    // Refused unprocessed: whatever the method, and run once.
    [InlineData("h2c", "GET", 0, "/refuse", 1, 1)]
    [InlineData("h2c", "POST", 0, "/refuse", 1, 1)]
    [InlineData("h2c", "POST", 0, "/refuse", 6, 1)]
    [InlineData("h2c", "GET", 0, "/goaway", 1, 1)]
    [InlineData("h2c", "POST", 0, "/goaway", 1, 1)]
    public async Task Sent_again_it_is_answered(string scheme, string method, int bytes, string path, int times, int runs)
    {
        var (app, proxy) = await Start(scheme);
        await using var _ = app;
        await using var __ = proxy;
        // A stream before this one: there is one that may be the last.
        using var first = await Send(proxy, "GET", 0, "/");
        using var answer = await Send(proxy, method, bytes, $"{path}?id=1&times={times}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(new string('x', bytes) + " done", await answer.Content.ReadAsStringAsync());
        Assert.Equal(Enumerable.Repeat($"{method} 1", runs), await Executed(proxy));
    }

    [Theory]
    // It may have run, and is not idempotent.
    [InlineData("http", "POST", 100, "/die", 1, 1)]
    [InlineData("https", "POST", 100, "/die", 1, 1)]
    [InlineData("https", "POST", 0, "/die", 1, 1)]
    [InlineData("h2c", "POST", 100, "/die", 1, 1)]
    [InlineData("h2c", "POST", 0, "/die", 1, 1)]
    // Too large to be kept.
    [InlineData("http", "PUT", 16 * 1024 + 1, "/die", 1, 1)]
    // Again and again: twice is enough.
    [InlineData("http", "GET", 0, "/die", 1000, 3)]
    [InlineData("https", "GET", 0, "/die", 1000, 3)]
    [InlineData("http", "PUT", 100, "/die", 9, 3)]
    [InlineData("h2c", "GET", 0, "/die", 9, 3)]
    [InlineData("h2c", "GET", 0, "/refuse", 1000, 0)]
    public async Task Not_sent_again_it_is_one_clear_502(string scheme, string method, int bytes, string path, int times, int runs)
    {
        var (app, proxy) = await Start(scheme);
        await using var _ = app;
        await using var __ = proxy;
        using var answer = await Send(proxy, method, bytes, $"{path}?id=1&times={times}");
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Contains("error=connection_terminated", answer.Headers.GetValues("Proxy-Status").Single(), StringComparison.Ordinal);
        Assert.Equal(Enumerable.Repeat($"{method} 1", runs), await Executed(proxy));
        using var next = await Send(proxy, "GET", 0, "/");
        Assert.Equal(HttpStatusCode.OK, next.StatusCode);
    }

    [Theory]
    [InlineData("http", "GET", 0, "no_answer", 2)]
    [InlineData("https", "GET", 0, "no_answer", 2)]
    [InlineData("https", "PUT", 100, "no_answer", 2)]
    [InlineData("h2c", "GET", 0, "no_answer", 2)]
    // SocketsHttpHandler repeats these by itself; they are seen.
    [InlineData("h2c", "POST", 0, "not_processed", 6)]
    public async Task Each_time_that_the_app_is_asked_again_is_counted(string scheme, string method, int bytes, string reason, int times)
    {
        var (app, proxy) = await Start(scheme);
        await using var _ = app;
        await using var __ = proxy;
        var path = reason == "no_answer" ? "/die" : "/refuse";
        using var answer = await Send(proxy, method, bytes, $"{path}?id=1&times={times}");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(times, await proxy.Metric($"drainproxy_replayed_total{{reason=\"{reason}\"}}"));
        var errors = await proxy.Metric("drainproxy_upstream_errors_total{cause=\"closed_before_answer\"}")
            + await proxy.Metric("drainproxy_upstream_errors_total{cause=\"stale_connection\"}");
        Assert.Equal(times, errors);
    }

    [Theory]
    // Refused while it was on its way: what has come is kept, the rest is still to come.
    [InlineData("/refuse", 100, true, 200)]
    [InlineData("/refuse", 16 * 1024, true, 200)]
    [InlineData("/refuse", 3000, false, 200)]
    [InlineData("/goaway", 100, true, 200)]
    [InlineData("/goaway", 3000, false, 200)]
    // Too large to be kept.
    [InlineData("/refuse", (16 * 1024) + 1, true, 502)]
    [InlineData("/goaway", 40_000, true, 502)]
    public async Task A_body_on_its_way_when_its_stream_is_refused(string path, int bytes, bool hasLength, int status)
    {
        var (app, proxy) = await Start("h2c");
        await using var _ = app;
        await using var __ = proxy;
        using var first = await Send(proxy, "GET", 0, "/");
        using var client = await RawConnection.Open(proxy.Port);
        var length = hasLength ? $"Content-Length: {bytes}" : "Transfer-Encoding: chunked";
        await client.Send($"POST {path}?id=1&times=1 HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
        var (half, rest) = (new string('x', bytes - (bytes / 2)), new string('y', bytes / 2));
        await client.Send(hasLength ? half : $"{half.Length:x}\r\n{half}\r\n");
        await Net.Eventually(async () => await Again(proxy) + await Failed(proxy) > 0, "it is refused");
        await client.Send(hasLength ? rest : $"{rest.Length:x}\r\n{rest}\r\n0\r\n\r\n");
        var answer = await client.Answer();
        Assert.Equal(status, answer.Status);
        if (status == 200)
        {
            Assert.Equal(half + rest + " done", answer.Body);
            Assert.Equal(["POST 1"], await Executed(proxy));
            Assert.Equal(1, await Again(proxy));
        }
        else
        {
            Assert.Contains("error=connection_terminated", answer.Field("Proxy-Status"), StringComparison.Ordinal);
            // The log is written by a thread of its own.
            await Net.Eventually(
                () => Task.FromResult(proxy.Child.Output.Contains("\"cause\":\"closed_before_answer\"", StringComparison.Ordinal)), "it is in the access log");
            Assert.Equal(1, await proxy.Metric("drainproxy_upstream_errors_total{cause=\"closed_before_answer\"}"));
            Assert.Empty(await Executed(proxy));
        }
    }

    public void Dispose() => folder.Dispose();

    private static Task<double> Again(DrainProxyProcess proxy) => proxy.Metric("drainproxy_replayed_total{reason=\"not_processed\"}");

    private static Task<double> Failed(DrainProxyProcess proxy) => proxy.Metric("drainproxy_upstream_errors_total{cause=\"closed_before_answer\"}");

    private async Task<(Child App, DrainProxyProcess Proxy)> Start(string scheme)
    {
        var port = Net.FreePort();
        var environment = new Dictionary<string, string> { ["PORT"] = $"{port}", ["SCHEME"] = scheme };
        if (scheme == "https") Certify(environment);
        var app = Child.Start(Tool.Find("node", "nodejs"), [Path.Combine(AppContext.BaseDirectory, "Apps", "refusing.js")], environment);
        var proxy = DrainProxyProcess.Start($"{scheme}://127.0.0.1:{port}", "--app-idle-timeout", "4s", "--access-log", "errors");
        await proxy.Ready();
        return (app, proxy);
    }

    private void Certify(Dictionary<string, string> environment)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=app", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        environment["KEY"] = folder.Write("key.pem", key.ExportPkcs8PrivateKeyPem());
        environment["CERT"] = folder.Write("cert.pem", certificate.ExportCertificatePem());
    }

    private static async Task<HttpResponseMessage> Send(DrainProxyProcess proxy, string method, int bytes, string target)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri($"http://127.0.0.1:{proxy.Port}") };
        using var request = new HttpRequestMessage(new HttpMethod(method), target) { Content = bytes == 0 ? null : new StringContent(new string('x', bytes)) };
        return await http.SendAsync(request);
    }

    private static async Task<string[]> Executed(DrainProxyProcess proxy)
    {
        using var answer = await Send(proxy, "GET", 0, "/executed");
        return JsonSerializer.Deserialize<string[]>(await answer.Content.ReadAsStringAsync())!;
    }
}
