using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Decisions.Cluster;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Tests.Api;
using DrainProxy.Kubernetes.Webhook;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>Replicas, an API server that calls them, and waits with a limit.</summary>
internal static class TestCluster
{
    public const string Host = "drainproxy-webhook.drainproxy-system.svc";
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);
    public static readonly RotationTimes Fast = RotationTimes.Default with { Spreading = TimeSpan.FromMilliseconds(300), Overlap = CertificateMaker.Skew + TimeSpan.FromSeconds(5) };
    public static readonly byte[] Review = GivenReview.Bytes(GivenReview.Of(Given.Pod()));

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Task<FakeApiServer> Server() => FakeApiServer.Start();

    public static Task Ready(Replicas replicas) => Until(() => replicas.All.All(r => r.Unready() is null), () => string.Join("; ", replicas.All.Select(r => r.Unready())));

    /// <summary>TLS to the Service's name with the roots of an entry's live caBundle, HTTP/2, one connection a call.</summary>
    public static async Task CallAsApiServer(FakeApiServer api, WebhookReplica replica)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPem(Bundles(api)[0]);
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancel) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                await socket.ConnectAsync(IPAddress.Loopback, replica.Port, cancel);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        handler.SslOptions.CertificateChainPolicy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        using var client = new HttpClient(handler) { Timeout = Limit };
        var request = new HttpRequestMessage(HttpMethod.Post, $"https://{Host}/mutate?timeout=5s")
        {
            Content = TestWebhook.Json(Review),
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        using var answer = await client.SendAsync(request, Cancel);
        Assert.True(GivenReview.Response(await answer.Content.ReadAsByteArrayAsync(Cancel)).ContainsKey("patch"));
    }

    public static List<string> Bundles(FakeApiServer api) =>
    [
        .. api.Peek(FakeApiServer.Names.ConfigurationPath)!["webhooks"]!.AsArray()
            .Select(e => Encoding.UTF8.GetString(Convert.FromBase64String((string?)e!["clientConfig"]!["caBundle"] ?? ""))),
    ];

    public static int Count(string bundle) => bundle.Split("BEGIN CERTIFICATE").Length - 1;

    public static JsonObject Configuration(string? bundle = null) => new()
    {
        ["webhooks"] = new JsonArray([.. new[] { "namespace.drainproxy.io", "pod.drainproxy.io" }.Select(name =>
        {
            var client = new JsonObject { ["service"] = new JsonObject { ["name"] = "drainproxy-webhook", ["namespace"] = FakeApiServer.Space, ["path"] = "/mutate" } };
            if (bundle is not null) client["caBundle"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(bundle));
            return (JsonNode)new JsonObject { ["name"] = name, ["clientConfig"] = client };
        })]),
    };

    public static JsonObject Secret(params (string Key, string Value)[] values)
    {
        var data = new JsonObject();
        foreach (var (key, value) in values) data[key] = Convert.ToBase64String(Encoding.UTF8.GetBytes(value));
        return new() { ["type"] = "Opaque", ["data"] = data };
    }

    public static async Task Until(Func<bool> what, Func<string>? state = null, Func<Task>? step = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var started = TimeProvider.System.GetTimestamp();
        while (!what())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(started) < Limit, state?.Invoke() ?? "it did not come to pass");
            if (step is not null) await step();
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, limit.Token);
        }
    }

    internal sealed class Replicas : IAsyncDisposable
    {
        private readonly List<ApiClient> clients = [];

        public List<WebhookReplica> All { get; } = [];

        public List<SecretCertificates> Sources { get; } = [];

        public static async Task<Replicas> Start(FakeApiServer api, int count, bool lead = true)
        {
            var made = new Replicas();
            var times = new LeaderTimes(TimeSpan.FromSeconds(15), TimeSpan.FromMilliseconds(200), Fast);
            var loopback = new IPEndPoint(IPAddress.Loopback, 0);
            for (var i = 0; i < count; i++)
            {
                made.clients.Add(api.Client());
                made.Sources.Add(new(made.clients[i], FakeApiServer.Names, lead ? $"replica-{i}" : null, times, TimeProvider.System, NullLogger.Instance));
                made.All.Add(new(new([loopback], [loopback], made.Sources[i], () => InjectionRequest.Default, "0"), _ => (_, _, _) => "text/plain", TimeProvider.System, NullLoggerFactory.Instance));
            }

            await Task.WhenAll(made.All.Select(r => r.Start(Cancel)));
            return made;
        }

        public async ValueTask DisposeAsync()
        {
            await Task.WhenAll(All.Select(r => r.Stop(new CancellationToken(canceled: true))));
            All.ForEach(r => r.Dispose());
            clients.ForEach(c => c.Dispose());
        }
    }
}
