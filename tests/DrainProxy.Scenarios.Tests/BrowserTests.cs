using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>
/// Chromium on a page that loads, posts, listens to events and talks over a WebSocket without a pause, while its pod is replaced: every
/// exchange succeeds, the event source finds the new pod, the WebSocket is closed with 1001 and opens again. Chromium itself fails a request
/// with ERR_FAILED when a GOAWAY comes in the moment between its choice of that connection and the making of the stream: nothing of such a
/// request was sent, and the browser's own log must say so.
/// </summary>
[Collection(Alone.Name)]
[Trait("needs", "tools")]
public sealed class BrowserTests
{
    private static readonly string[] Settings = ["--lb", "none", "--grace", "20s", "--linger", "500ms", "--quiet", "300ms"];

    [Theory]
    [InlineData("https", "h2")]
    [InlineData("http", "http/1.1")]
    public async Task Nothing_fails_on_a_page_whose_pod_is_replaced(string scheme, string protocol)
    {
        var chromium = Tool.Find("chromium", "chromium");
        using var folder = new TemporaryFolder();
        var (certificate, key, pin) = SelfSigned(folder);
        var log = Path.Combine(folder.Path, "net.json");
        await using var oldApp = StartApp("old", out var oldPort);
        await using var newApp = StartApp("new", out var newPort);
        await Peers.Serves(oldApp);
        await Peers.Serves(newApp);
        string[] listen(int port) => scheme == "https"
            ? ["--listen", $"https://127.0.0.1:{port}", "--tls-cert", certificate, "--tls-key", key]
            : ["--listen", $"127.0.0.1:{port}"];
        var (oldData, newData) = (Net.FreePort(), Net.FreePort());
        await using var oldProxy = DrainProxyProcess.Start($"http://127.0.0.1:{oldPort}", [.. Settings, .. listen(oldData)]);
        await using var newProxy = DrainProxyProcess.Start($"http://127.0.0.1:{newPort}", [.. Settings, .. listen(newData)]);
        await oldProxy.Ready();
        await newProxy.Ready();
        await using var balancer = new PassThrough(oldData);
        await using var browser = Child.Start(chromium,
        [
            // A sandbox needs rights that test machines do not give; the page is ours.
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", $"--user-data-dir={folder.Path}", $"--ignore-certificate-errors-spki-list={pin}",
            $"--log-net-log={log}",
            $"{scheme}://127.0.0.1:{balancer.Port}/",
        ]);
        await Net.Eventually(() => Task.FromResult(oldApp.Lines.Any(l => l.StartsWith("steady", StringComparison.Ordinal))), $"the page is busy\n{browser.Output}", 60);

        balancer.Use(newData);
        oldProxy.Child.Signal(Child.Sigterm);
        Assert.True(await oldProxy.Child.Exit(TimeSpan.FromSeconds(20)) == 0, oldProxy.Child.Output);
        await Net.Eventually(() => Task.FromResult(newApp.Lines.Any(IsReport)), "the page has come to its end", 30);
        var report = JsonDocument.Parse(newApp.Lines.First(IsReport)["report ".Length..]).RootElement;
        Assert.Equal("[]", report.GetProperty("failures").GetRawText());
        Assert.Contains(protocol, report.GetProperty("protocols").GetString(), StringComparison.Ordinal);
        foreach (var kind in report.GetProperty("seen").EnumerateObject())
            Assert.Equal(["new", "old"], kind.Value.EnumerateObject().Select(p => p.Name).Order());
        Assert.Equal("clean", oldProxy.Report().GetProperty("result").GetString());
        // A request on a pooled connection may cross our FIN, which is counted; the browser sends it again, and the page has said that none failed.
        Assert.All(oldProxy.Report().GetProperty("lost").EnumerateObject(), reason => Assert.True(reason.Value.GetInt32() == 0 || reason.NameEquals("late_after_close"), $"{reason}"));
        browser.Signal(Child.Sigterm);
        await browser.Exit(TimeSpan.FromSeconds(10));
        var unanswered = report.GetProperty("unanswered").EnumerateArray().Select(u => u.GetString()!).ToList();
        if (unanswered.Count == 0) return;
        var requests = new BrowserLog(log);
        Assert.All(unanswered, url => Assert.True(requests.NeverSentFor(url, BrowserLog.Failed), $"{url}\n{oldProxy.Child.Output}\n{newProxy.Child.Output}"));
    }

    private static Child StartApp(string pod, out int port) => Peers.Node("browsed.js", new Dictionary<string, string> { ["POD"] = pod, ["FINAL"] = "new" }, $"{port = Net.FreePort()}");

    private static bool IsReport(string line) => line.StartsWith("report ", StringComparison.Ordinal);

    /// <summary>Files of a certificate that the browser is told to take, and the pin of its key.</summary>
    private static (string Certificate, string Key, string Pin) SelfSigned(TemporaryFolder folder)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(System.Net.IPAddress.Loopback);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        var pin = Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        return (folder.Write("tls.crt", certificate.ExportCertificatePem()), folder.Write("tls.key", key.ExportPkcs8PrivateKeyPem()), pin);
    }
}
