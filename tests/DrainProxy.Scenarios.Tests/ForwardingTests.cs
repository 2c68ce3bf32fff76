using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using DrainProxy.Scenarios.Tests.Harness;

namespace DrainProxy.Scenarios.Tests;

/// <summary>What passes, over real sockets.</summary>
[Trait("needs", "tools")]
public sealed class ForwardingTests
{
    [Fact]
    public async Task Http1_and_h2c_share_one_port()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient();
        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{proxy.Port}/")
            {
                Version = version,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new StringContent("body"),
            };
            using var answer = await http.SendAsync(request);
            Assert.Equal(version, answer.Version);
            Assert.Equal("ok 4", await answer.Content.ReadAsStringAsync());
        }
    }

    [Fact]
    public async Task Target_host_and_forwarded_fields_arrive_and_hop_by_hop_ones_do_not()
    {
        var (seen, headers) = await Seen("--trusted-proxies", "private");
        Assert.Equal("/headers?a=%2F&b=%zz", seen.GetProperty("url").GetString());
        Assert.Equal("shop.example", headers["host"]);
        Assert.Equal("203.0.113.7, 127.0.0.1", headers["x-forwarded-for"]);
        Assert.Equal("for=203.0.113.7, for=127.0.0.1;proto=http", headers["forwarded"]);
        Assert.Equal("https", headers["x-forwarded-proto"]);
        Assert.Equal("443", headers["x-forwarded-port"]);
        Assert.Equal("shop.example", headers["x-forwarded-host"]);
        Assert.Equal("1.0 edge, 1.1 drainproxy", headers["via"]);
        foreach (var name in new[] { "x-secret", "keep-alive", "proxy-connection" }) Assert.DoesNotContain(name, headers.Keys);
    }

    [Fact]
    public async Task What_a_peer_says_of_the_way_here_is_not_believed_unless_configured()
    {
        var (_, headers) = await Seen("--via", "off", "--unsafe-fields", "drop");
        Assert.Equal("127.0.0.1", headers["x-forwarded-for"]);
        Assert.Equal("for=127.0.0.1;proto=http", headers["forwarded"]);
        Assert.Equal("http", headers["x-forwarded-proto"]);
        Assert.Equal("shop.example", headers["x-forwarded-host"]);
        Assert.Equal("1.0 edge", headers["via"]);
        foreach (var name in new[] { "x-forwarded-port", "x_user", "proxy" }) Assert.DoesNotContain(name, headers.Keys);
    }

    [Fact]
    public async Task A_named_load_balancer_is_believed()
    {
        var (_, headers) = await Seen("--lb", "alb");
        Assert.Equal("203.0.113.7, 127.0.0.1", headers["x-forwarded-for"]);
        Assert.Equal("1", headers["x_user"]);
    }

    [Fact]
    public async Task A_proxy_whose_app_is_itself_breaks_the_circle()
    {
        using var circle = new TcpListener(IPAddress.Loopback, 0);
        circle.Start();
        await using var proxy = DrainProxyProcess.Start($"http://{circle.LocalEndpoint}", "--app-idle-timeout", "5s");
        _ = LeadBack(circle, proxy.Port);
        await Net.Eventually(async () => await proxy.Metric("drainproxy_app_up") == 1, "the proxy sees itself", 20);
        var answer = await Raw(proxy.Port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 508 ", answer);
        Assert.Contains("error=proxy_loop_detected", answer);
        Assert.Equal(4, await proxy.Metric("drainproxy_request_duration_seconds_count"));
    }

    /// <summary>Every connection that comes is carried to the port.</summary>
    private static async Task LeadBack(TcpListener from, int port)
    {
        while (true)
        {
            TcpClient here;
            try
            {
                here = await from.AcceptTcpClientAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            var there = new TcpClient("127.0.0.1", port);
            _ = here.GetStream().CopyToAsync(there.GetStream()).ContinueWith(_ => there.Dispose(), TaskScheduler.Default);
            _ = there.GetStream().CopyToAsync(here.GetStream()).ContinueWith(_ => here.Dispose(), TaskScheduler.Default);
        }
    }

    [Fact]
    public async Task A_client_that_ends_its_half_gets_its_answer()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", proxy.Port);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET /slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n"));
        socket.Shutdown(SocketShutdown.Send);
        var answer = new StringBuilder();
        var buffer = new byte[4096];
        for (int read; (read = await socket.ReceiveAsync(buffer)) > 0;) answer.Append(Encoding.ASCII.GetString(buffer, 0, read));
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", answer.ToString());
        Assert.EndsWith("slow done", answer.ToString());
    }

    /// <summary>What the app sees of one request that comes with a history.</summary>
    private static async Task<(JsonElement Seen, Dictionary<string, string> Headers)> Seen(params string[] options)
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address, options);
        await proxy.Ready();
        var answer = await Raw(proxy.Port,
            "GET /headers?a=%2F&b=%zz HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n"
            + "Forwarded: for=203.0.113.7\r\nVia: 1.0 edge\r\nX_User: 1\r\nProxy: evil\r\n"
            + "X-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nConnection: close, X-Secret\r\n\r\n");
        var seen = JsonDocument.Parse(answer[answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)..]).RootElement;
        var raw = seen.GetProperty("raw").EnumerateArray().Select(e => e.GetString()!).ToList();
        return (seen, raw.Chunk(2).ToDictionary(p => p[0].ToLowerInvariant(), p => p[1]));
    }

    [Fact]
    public async Task The_first_chunk_arrives_before_the_last_is_sent()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient();
        using var answer = await http.GetAsync($"http://127.0.0.1:{proxy.Port}/stream", HttpCompletionOption.ResponseHeadersRead);
        await using var body = await answer.Content.ReadAsStreamAsync();
        var buffer = new byte[100];
        Assert.Equal("first", Encoding.ASCII.GetString(buffer, 0, await body.ReadAsync(buffer)));
        Assert.Equal("last", Encoding.ASCII.GetString(buffer, 0, await body.ReadAsync(buffer)));
    }

    [Fact]
    public async Task A_large_body_passes_within_bounded_memory()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var http = new HttpClient();
        const int length = 256 << 20;
        using var content = new StreamContent(new Zeros(length));
        content.Headers.ContentLength = length;
        using var answer = await http.PostAsync($"http://127.0.0.1:{proxy.Port}/", content);
        Assert.Equal($"ok {length}", await answer.Content.ReadAsStringAsync());
        // All that the process has, less than the body alone: what the collector leaves lying about differs from run to run.
        Assert.InRange(await proxy.Metric("process_resident_memory_bytes"), 1, length);
    }

    [Fact]
    public async Task Expect_100_continue_is_answered_and_the_body_passes()
    {
        await using var app = await App.Node();
        await using var proxy = DrainProxyProcess.Start(app.Address);
        await proxy.Ready();
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", proxy.Port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"u8.ToArray());
        using var reader = new StreamReader(stream, Encoding.Latin1);
        Assert.Equal("HTTP/1.1 100 Continue", await reader.ReadLineAsync());
        await stream.WriteAsync("body"u8.ToArray());
        Assert.EndsWith("ok 4", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_ports_each_reach_their_app()
    {
        await using var one = await App.Node();
        await using var two = await App.Puma();
        var (portOne, portTwo, admin) = (Net.FreePort(), Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--map", $"127.0.0.1:{portOne}={one.Address}", "--map", $"127.0.0.1:{portTwo}={two.Address}", "--admin", $"127.0.0.1:{admin}"]);
        await Net.Answers(admin, "/readyz");
        using var http = new HttpClient();
        Assert.Contains("GET", await http.GetStringAsync($"http://127.0.0.1:{portOne}/headers"), StringComparison.Ordinal);
        Assert.Equal("ok 0", await http.GetStringAsync($"http://127.0.0.1:{portTwo}/headers"));
    }

    [Fact]
    public async Task A_unix_socket_app_is_reached()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "app.sock");
        await using var app = Child.Start(Tool.Find("node", "nodejs"),
            ["-e", $"require('http').createServer((q, r) => r.end('from a unix socket')).listen('{path}')"]);
        await using var proxy = DrainProxyProcess.Start($"unix:{path}");
        await proxy.Ready();
        using var http = new HttpClient();
        Assert.Equal("from a unix socket", await http.GetStringAsync($"http://127.0.0.1:{proxy.Port}/"));
    }

    [Fact]
    public async Task A_certificate_is_reloaded_when_its_files_change()
    {
        await using var app = await App.Node();
        using var folder = new TemporaryFolder();
        WriteCertificate(folder, "first");
        var (port, admin) = (Net.FreePort(), Net.FreePort());
        await using var proxy = Child.Start(DrainProxyProcess.Program,
            ["run", "--listen", $"https://127.0.0.1:{port}", "--tls-cert", Path.Combine(folder.Path, "tls.crt"), "--tls-key",
                Path.Combine(folder.Path, "tls.key"), "--app", app.Address, "--admin", $"127.0.0.1:{admin}"]);
        await Net.Answers(admin, "/readyz");
        Assert.Equal("CN=first", await Subject(port));
        WriteCertificate(folder, "second");
        await Net.Eventually(async () => await Subject(port) == "CN=second", "the new certificate is served");
    }

    private static async Task<string> Subject(int port)
    {
        var subject = "";
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new()
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                {
                    subject = certificate!.Subject;
                    return true;
                },
            },
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, $"https://127.0.0.1:{port}/") { Version = HttpVersion.Version20 };
        using var answer = await http.SendAsync(request);
        Assert.Equal(HttpVersion.Version20, answer.Version);
        return subject;
    }

    private static void WriteCertificate(TemporaryFolder folder, string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        folder.Write("tls.key", key.ExportPkcs8PrivateKeyPem());
        folder.Write("tls.crt", certificate.ExportCertificatePem());
    }

    private static async Task<string> Raw(int port, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync("127.0.0.1", port);
        await using var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync();
    }

    /// <summary>A body of zeros that is nowhere in memory.</summary>
    private sealed class Zeros(long length) : Stream
    {
        private long left = length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var n = (int)Math.Min(left, count);
            buffer.AsSpan(offset, n).Clear();
            left -= n;
            return n;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
