using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Webhook;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>One replica on loopback with a certificate of its own, and a client that trusts nothing else.</summary>
internal sealed class TestWebhook : IAsyncDisposable, ICertificateSource
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    private readonly X509Certificate2 authority;
    private readonly WebhookReplica replica;
    private int connections;

    private TestWebhook(bool warmsUp, ServerVersion? server)
    {
        var now = TimeProvider.System.GetUtcNow();
        var ca = CertificateMaker.Authority(now, TimeSpan.FromDays(1));
        var leaf = CertificateMaker.Leaf(ca, ["localhost", "127.0.0.1"], now, TimeSpan.FromHours(1));
        authority = X509Certificate2.CreateFromPem(ca.Certificate);
        Current = SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(leaf.Certificate, leaf.Key), null, offline: true);
        var loopback = new IPEndPoint(IPAddress.Loopback, 0);
        replica = new(new([loopback], [loopback], this, () => InjectionRequest.Default, "0", server, warmsUp), _ => (_, _, _) => "text/plain", TimeProvider.System, NullLoggerFactory.Instance);
        Client = new(Handler()) { BaseAddress = new Uri($"https://127.0.0.1:{0}"), Timeout = Limit };
    }

    public SslStreamCertificateContext Current { get; }

    public bool Leads => false;

    public HttpClient Client { get; private set; }

    /// <summary>Connections that the client has made.</summary>
    public int Connections => Volatile.Read(ref connections);

    public WebhookReplica Replica => replica;

    public WebhookMetrics Metrics => replica.Metrics;

    public string? Unready(DateTimeOffset now) => null;

    public Task Run(CancellationToken cancel) => Task.CompletedTask;

    public static async Task<TestWebhook> Start(bool warmsUp = false, ServerVersion? server = null)
    {
        var webhook = new TestWebhook(warmsUp, server);
        await webhook.replica.Start(CancellationToken.None);
        webhook.Client.Dispose();
        webhook.Client = new(webhook.Handler()) { BaseAddress = new Uri($"https://127.0.0.1:{webhook.replica.Port}"), Timeout = Limit };
        return webhook;
    }

    /// <summary>As the API server calls: HTTP/2, the time limit in the URL.</summary>
    public async Task<HttpResponseMessage> Call(HttpContent content, string query = "?timeout=10s", Version? version = null, HttpMethod? method = null, string path = "/mutate")
    {
        var request = new HttpRequestMessage(method ?? HttpMethod.Post, path + query)
        {
            Content = content,
            Version = version ?? HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        return await Client.SendAsync(request, TestContext.Current.CancellationToken);
    }

    public static ByteArrayContent Json(byte[] body) => new(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

    /// <summary>All calls have ended and all memory of bodies is free again.</summary>
    public async Task Rest()
    {
        using var limit = new CancellationTokenSource(Limit, TimeProvider.System);
        while (Metrics.InFlight > 0 || replica.FreeBytes != 64 << 20) await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System, limit.Token);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await replica.Stop(new CancellationToken(canceled: true));
        replica.Dispose();
        authority.Dispose();
    }

    private SocketsHttpHandler Handler() => new()
    {
        ConnectCallback = async (context, cancel) =>
        {
            Interlocked.Increment(ref connections);
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(context.DnsEndPoint, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        },
        EnableMultipleHttp2Connections = true,
        SslOptions = new()
        {
            CertificateChainPolicy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                CustomTrustStore = { authority },
                RevocationMode = X509RevocationMode.NoCheck,
            },
        },
    };
}
