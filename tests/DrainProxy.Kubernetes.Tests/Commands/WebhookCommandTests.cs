using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Tests.Api;
using DrainProxy.Kubernetes.Tests.Webhook;
using DrainProxy.Kubernetes.Webhook.Certificates;

namespace DrainProxy.Kubernetes.Tests.Commands;

/// <summary>`drainproxy webhook` as a process.</summary>
public sealed partial class WebhookCommandTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly string folder = Directory.CreateTempSubdirectory("drainproxy-webhook-").FullName;
    private readonly PemPair authority = CertificateMaker.Authority(TimeProvider.System.GetUtcNow(), TimeSpan.FromDays(1));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Certificate => Path.Combine(folder, "tls.crt");

    private string Key => Path.Combine(folder, "tls.key");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task With_files_it_answers_tells_its_metrics_follows_the_files_and_ends_with_0()
    {
        WriteLeaf("first");
        using var process = Start("--tls", "files", "--tls-cert", Certificate, "--tls-key", Key, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json");
        try
        {
            var (port, adminPort) = await Ports(process);
            using var client = Client();
            using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
            // It warms up first, which no figure counts.
            while ((await client.GetAsync($"http://127.0.0.1:{adminPort}/readyz", Cancel)).StatusCode != HttpStatusCode.OK) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
            using var answer = await client.PostAsync($"https://127.0.0.1:{port}/mutate?timeout=5s", TestWebhook.Json(GivenReview.Bytes(GivenReview.Of(Given.Pod()))), Cancel);
            Assert.True(GivenReview.Response(await answer.Content.ReadAsByteArrayAsync(Cancel)).ContainsKey("patch"));

            var admin = $"http://127.0.0.1:{adminPort}";
            Assert.Equal("ok\n", await client.GetStringAsync($"{admin}/livez", Cancel));
            Assert.Equal("ok\n", await client.GetStringAsync($"{admin}/readyz", Cancel));
            var metrics = await client.GetStringAsync($"{admin}/metrics", Cancel);
            Assert.Contains("drainproxy_webhook_reviews_total{outcome=\"injected\"} 1\n", metrics, StringComparison.Ordinal);
            Assert.Contains("drainproxy_webhook_reviews_total{outcome=\"malformed\"} 0\n", metrics, StringComparison.Ordinal);
            Assert.Contains("drainproxy_webhook_review_duration_seconds_count 1\n", metrics, StringComparison.Ordinal);
            Assert.Contains("drainproxy_webhook_ready 1\n", metrics, StringComparison.Ordinal);
            Assert.Contains("process_resident_memory_bytes ", metrics, StringComparison.Ordinal);
            using var unknown = await client.GetAsync($"{admin}/drain", Cancel);
            Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);

            var before = await Serial(port);
            WriteLeaf("second");
            // Looked at at most once a second.
            while (await Serial(port) == before) await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, limit.Token);

            Assert.Equal(0, BuiltProgram.Shell($"kill -TERM {process.Id}", folder).ExitCode);
            while ((await client.GetAsync($"{admin}/readyz", Cancel)).StatusCode == HttpStatusCode.OK) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
            // Unready, and still there for the API servers that have not heard of it.
            using var late = await client.PostAsync($"https://127.0.0.1:{port}/mutate", TestWebhook.Json(GivenReview.Bytes(GivenReview.Of(Given.Pod()))), Cancel);
            Assert.Equal(HttpStatusCode.OK, late.StatusCode);
            await process.WaitForExitAsync(limit.Token);
            Assert.Equal(0, process.ExitCode);
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Fact]
    public async Task By_itself_in_a_cluster_it_makes_its_certificate_and_gives_the_lease_back_at_the_end()
    {
        await using var api = await FakeApiServer.Start();
        api.Put(FakeApiServer.Names.ConfigurationPath, new()
        {
            ["webhooks"] = new JsonArray(new JsonObject { ["name"] = "pod.drainproxy.io", ["clientConfig"] = new JsonObject { ["url"] = "https://127.0.0.1:9443/mutate" } }),
        });
        using var process = Start(
            new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = api.Address.Host, ["KUBERNETES_SERVICE_PORT"] = $"{api.Address.Port}" },
            "--service-account-dir", api.AccountFolder, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json");
        try
        {
            var (port, adminPort) = await Ports(process);
            using var plain = new HttpClient { Timeout = Limit };
            using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
            while ((await plain.GetAsync($"http://127.0.0.1:{adminPort}/readyz", Cancel)).StatusCode != HttpStatusCode.OK) await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);

            var bundle = Convert.FromBase64String((string)api.Peek(FakeApiServer.Names.ConfigurationPath)!["webhooks"]![0]!["clientConfig"]!["caBundle"]!);
            using var client = Client(Encoding.UTF8.GetString(bundle));
            using var answer = await client.PostAsync($"https://127.0.0.1:{port}/mutate?timeout=5s", TestWebhook.Json(GivenReview.Bytes(GivenReview.Of(Given.Pod()))), Cancel);
            Assert.True(GivenReview.Response(await answer.Content.ReadAsByteArrayAsync(Cancel)).ContainsKey("patch"));
            Assert.Contains("drainproxy_webhook_leader 1\n", await plain.GetStringAsync($"http://127.0.0.1:{adminPort}/metrics", Cancel), StringComparison.Ordinal);

            Assert.Equal(0, BuiltProgram.Shell($"kill -TERM {process.Id}", folder).ExitCode);
            await process.WaitForExitAsync(limit.Token);
            Assert.Equal((0, ""), (process.ExitCode, (string?)api.Peek(FakeApiServer.Names.LeasePath)!["spec"]!["holderIdentity"]));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Fact]
    public void All_mistakes_are_told_in_one_run_and_nothing_is_bound()
    {
        File.WriteAllText(Certificate, "no certificate");
        var outcome = BuiltProgram.Run("webhook", "--tls", "magic", "--tls-cert", Certificate, "--tls-key", Path.Combine(folder, "missing"), "--admin", "nowhere:99999", "--listen", "x:y");

        Assert.Equal(78, outcome.ExitCode);
        foreach (var key in new[] { "tls (", "tls-key (", "admin (", "listen (" }) Assert.Contains($"  {key}", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, "webhook", "--no-such-option")]
    [InlineData(2, "webhook", "--tls")]
    [InlineData(78, "webhook", "--tls", "files")]
    [InlineData(78, "webhook", "--tls", "files", "--secret", "../other")]
    [InlineData(78, "webhook", "--node-notice", "nobody")]
    [InlineData(78, "inject", "--node-notice", "aws=x", "-")]
    public void A_wrong_command_line_ends_at_once(int exitCode, params string[] arguments) => Assert.Equal(exitCode, BuiltProgram.Run(arguments).ExitCode);

    private static Process Start(params string[] arguments) => Start(new Dictionary<string, string>(), arguments);

    private static Process Start(Dictionary<string, string> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "drainproxy"), ["webhook", .. arguments]) { RedirectStandardOutput = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Told in the log once both listeners are bound.</summary>
    private static async Task<(int Port, int Admin)> Ports(Process process)
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (await process.StandardOutput.ReadLineAsync(limit.Token) is { } line)
        {
            if (Listening().Match(line) is { Success: true } match) return (int.Parse(match.Groups[1].Value), int.Parse(match.Groups[2].Value));
        }

        throw new InvalidOperationException("the program has ended");
    }

    private async Task<string> Serial(int port)
    {
        string? serial = null;
        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => (serial = certificate!.SerialNumber) is not null };
        using var client = new HttpClient(handler);
        using var answer = await client.GetAsync($"https://127.0.0.1:{port}/", Cancel);
        return serial!;
    }

    private HttpClient Client(string? roots = null) => new(new SocketsHttpHandler
    {
        SslOptions = new()
        {
            CertificateChainPolicy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { X509Certificate2.CreateFromPem(roots ?? authority.Certificate) },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        },
    })
    { Timeout = Limit };

    /// <summary>Key first under another name, then both in one step each: the program may look at any moment.</summary>
    private void WriteLeaf(string name)
    {
        var leaf = CertificateMaker.Leaf(authority, ["127.0.0.1"], TimeProvider.System.GetUtcNow(), TimeSpan.FromHours(1));
        foreach (var (file, text) in new[] { (Key, leaf.Key), (Certificate, leaf.Certificate) })
        {
            File.WriteAllText(file + name, text);
            File.Move(file + name, file, overwrite: true);
        }
    }

    [GeneratedRegex(@"listening on 127\.0\.0\.1:(\d+); admin 127\.0\.0\.1:(\d+)")]
    private static partial Regex Listening();
}
