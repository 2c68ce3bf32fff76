using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace DrainProxy.Kubernetes.Api;

/// <summary>
/// The few calls of the Kubernetes API that the webhook needs. What passes by is tried again (Polly); a refused token is read anew once; a conflict
/// or a version that is gone is the caller's to decide about.
/// </summary>
internal sealed class ApiClient : IDisposable
{
    public const string StrategicMerge = "application/strategic-merge-patch+json";
    private const string Json = "application/json";

    /// <summary>What the server is asked to end a watch after, and how much later it is given up when it does not.</summary>
    private static readonly TimeSpan WatchTime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan WatchSlack = TimeSpan.FromSeconds(30);

    private readonly ServiceAccount account;
    private readonly HttpClient client;
    private readonly TimeProvider time;
    private readonly ResiliencePipeline<JsonObject> attempts;

    /// <param name="server">As `https://10.96.0.1:443`.</param>
    /// <param name="account">Whom the server is called as, and which server is trusted.</param>
    public ApiClient(Uri server, ServiceAccount account, TimeProvider time)
    {
        (this.account, this.time) = (account, time);
        client = new(new SocketsHttpHandler
        {
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),
            // A server that went without a FIN is found out in 45 s (client-go's figures); all calls share one HTTP/2 connection and would wait for it.
            KeepAlivePingDelay = TimeSpan.FromSeconds(30),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(15),
            UseProxy = false,
            AllowAutoRedirect = false,
            SslOptions = new() { RemoteCertificateValidationCallback = (_, certificate, chain, errors) => account.Trusts(certificate, chain, errors) },
        })
        {
            BaseAddress = server,
            // Each attempt has its own, below; a watch has none.
            Timeout = Timeout.InfiniteTimeSpan,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        attempts = new ResiliencePipelineBuilder<JsonObject> { TimeProvider = time }
            .AddRetry(new RetryStrategyOptions<JsonObject>
            {
                MaxRetryAttempts = 4,
                Delay = TimeSpan.FromMilliseconds(200),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = new PredicateBuilder<JsonObject>()
                    .Handle<HttpRequestException>().Handle<IOException>().Handle<TimeoutRejectedException>().Handle<ApiException>(e => e.PassesBy),
                DelayGenerator = outcome => new((outcome.Outcome.Exception as ApiException)?.RetryAfter is { } wait ? wait < Longest ? wait : Longest : null),
            })
            .AddTimeout(TimeSpan.FromSeconds(10))
            .Build();
    }

    private static TimeSpan Longest { get; } = TimeSpan.FromSeconds(10);

    /// <summary>The object, or null when there is none.</summary>
    /// <exception cref="ApiException">Any other refusal.</exception>
    public async Task<JsonObject?> Get(string path, CancellationToken cancel)
    {
        try
        {
            return await Send(HttpMethod.Get, path, null, Json, cancel);
        }
        catch (ApiException e) when (e.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    /// <exception cref="ApiException">A conflict: it exists already.</exception>
    public Task<JsonObject> Create(string folder, JsonObject made, CancellationToken cancel) => Send(HttpMethod.Post, folder, made, Json, cancel);

    /// <param name="path">Of the object.</param>
    /// <param name="changed">Has the resourceVersion it was read with.</param>
    /// <exception cref="ApiException">A conflict: it has changed since.</exception>
    public Task<JsonObject> Replace(string path, JsonObject changed, CancellationToken cancel) => Send(HttpMethod.Put, path, changed, Json, cancel);

    /// <summary>Lists merge by their keys (`webhooks` by name), so nobody else's field is touched; with a resourceVersion in it a change in between is a conflict.</summary>
    /// <exception cref="ApiException">A conflict: it has changed since.</exception>
    public Task<JsonObject> Merge(string path, JsonObject patch, CancellationToken cancel) => Send(HttpMethod.Patch, path, patch, StrategicMerge, cancel);

    /// <summary>The events of a watch until the server ends it.</summary>
    /// <exception cref="ApiException">410: what happened since <paramref name="version"/> is not known any more.</exception>
    public async IAsyncEnumerable<(string Type, JsonObject Object)> Watch(string folder, string name, string version, [EnumeratorCancellation] CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(WatchTime + WatchSlack, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        var query = $"{Only(folder, name)}&watch=true&allowWatchBookmarks=true&resourceVersion={Uri.EscapeDataString(version)}&timeoutSeconds={WatchTime.TotalSeconds:0}";
        using var answer = await Ask(HttpMethod.Get, query, null, Json, ended.Token);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(ended.Token), Encoding.UTF8);
        while (await lines.ReadLineAsync(ended.Token) is { } line)
        {
            if (line.Length == 0) continue;
            var happened = Parse(line);
            if (happened.Text("type") is not { } type || happened.Object("object") is not { } what) continue;
            if (type == "ERROR") throw new ApiException((HttpStatusCode)(what.Whole("code") ?? 500), what.Text("message") ?? "the watch failed");
            yield return (type, what);
        }
    }

    /// <summary>The list with this one object in it, or none; its resourceVersion is where a watch goes on.</summary>
    public Task<JsonObject> List(string folder, string name, CancellationToken cancel) => Send(HttpMethod.Get, Only(folder, name), null, Json, cancel);

    public void Dispose() => client.Dispose();

    /// <summary>Rights by resourceNames cover list and watch only when the field selector names the object.</summary>
    private static string Only(string folder, string name) => $"{folder}?fieldSelector={Uri.EscapeDataString("metadata.name=" + name)}";

    private async Task<JsonObject> Send(HttpMethod method, string path, JsonObject? body, string type, CancellationToken cancel) =>
        await attempts.ExecuteAsync(
            async attempt =>
            {
                using var answer = await Ask(method, path, body, type, attempt);
                return Parse(await answer.Content.ReadAsStringAsync(attempt));
            },
            cancel);

    private async Task<HttpResponseMessage> Ask(HttpMethod method, string path, JsonObject? body, string type, CancellationToken cancel)
    {
        for (var refused = false; ; refused = true)
        {
            using var request = new HttpRequestMessage(method, path);
            request.Headers.Authorization = new("Bearer", account.Token(refused));
            request.Headers.Accept.Add(new(Json));
            request.Headers.UserAgent.Add(new("drainproxy", Injection.InjectionRequest.ProgramVersion));
            if (body is not null) request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ToJsonString())) { Headers = { ContentType = new MediaTypeHeaderValue(type) } };
            var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            if (answer.IsSuccessStatusCode) return answer;
            using (answer)
            {
                if (answer.StatusCode == HttpStatusCode.Unauthorized && !refused) continue;
                throw new ApiException(answer.StatusCode, await Reason(answer, cancel), answer.Headers.RetryAfter?.Delta);
            }
        }
    }

    /// <summary>The message of the Status object, which is what kubectl shows.</summary>
    private static async Task<string> Reason(HttpResponseMessage answer, CancellationToken cancel)
    {
        var text = await answer.Content.ReadAsStringAsync(cancel);
        try
        {
            return Printable.Of((JsonNode.Parse(text) as JsonObject).Text("message") ?? answer.ReasonPhrase ?? "no reason given");
        }
        catch (JsonException)
        {
            return answer.ReasonPhrase ?? "no reason given";
        }
    }

    private static JsonObject Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject ?? throw new IOException("the API server's answer is no object");
        }
        catch (JsonException e)
        {
            throw new IOException("the API server's answer is not JSON: " + e.Message, e);
        }
    }
}
