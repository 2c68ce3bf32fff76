using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Kubernetes.Tests.Api;

/// <summary>
/// The part of a Kubernetes API server that the webhook uses, over TLS, as strict as a real one: bearer token (401), the rights of
/// deploy/kustomize (403), content types (415), resourceVersion (409), strategic merge by name, watches with bookmarks and a history that ends (410).
/// </summary>
internal sealed class FakeApiServer : IAsyncDisposable
{
    public const string Space = "drainproxy-system";
    public static readonly ClusterNames Names = new(Space, "drainproxy-webhook-tls", "drainproxy-webhook", "drainproxy");

    private static readonly Regex MicroTime = new(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\z");

    private readonly WebApplication web;
    private readonly string folder = Directory.CreateTempSubdirectory("drainproxy-api-").FullName;
    private readonly Lock gate = new();
    private readonly Dictionary<string, JsonObject> objects = new(StringComparer.Ordinal);
    private readonly List<(long Version, string Type, string Path, JsonObject Object)> history = [];
    private readonly List<TaskCompletionSource> watchers = [];
    private readonly CancellationTokenSource stop = new();
    private CancellationTokenSource watches = new();
    private string token = "first";
    private long version = 100;
    private long forgotten;
    private int outage;
    private volatile int outageStatus = 503;

    private FakeApiServer()
    {
        var now = TimeProvider.System.GetUtcNow();
        var ca = CertificateMaker.Authority(now, TimeSpan.FromDays(1));
        var leaf = CertificateMaker.Leaf(ca, ["127.0.0.1", "localhost"], now, TimeSpan.FromHours(2));
        File.WriteAllText(Path.Combine(folder, "ca.crt"), ca.Certificate);
        File.WriteAllText(Path.Combine(folder, "token"), token);
        File.WriteAllText(Path.Combine(folder, "namespace"), Space + "\n");
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0, l => l.UseHttps(new Microsoft.AspNetCore.Server.Kestrel.Https.TlsHandshakeCallbackOptions
        {
            OnConnection = _ => new(new SslServerAuthenticationOptions
            {
                ServerCertificate = X509Certificate2.CreateFromPem(leaf.Certificate, leaf.Key),
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            }),
        })));
        web = builder.Build();
        web.Run(Serve);
    }

    public Uri Address => new(web.Urls.Single());

    public string AccountFolder => folder;

    public List<string> Log { get; } = [];

    /// <summary>What Role and ClusterRole of deploy/kustomize/base allow; everything else gets 403.</summary>
    public HashSet<Right> Granted { get; } = Rights.Of("base/rbac.yaml");

    /// <summary>What was asked for so far.</summary>
    public HashSet<Right> Used { get; } = [];

    public static async Task<FakeApiServer> Start()
    {
        var server = new FakeApiServer();
        await server.web.StartAsync();
        return server;
    }

    public ApiClient Client() => new(Address, new ServiceAccount(folder, TimeProvider.System), TimeProvider.System);

    public JsonObject? Peek(string path)
    {
        lock (gate) return (JsonObject?)objects.GetValueOrDefault(path)?.DeepClone();
    }

    /// <summary>What an administrator does, past all rights; null deletes.</summary>
    public void Put(string path, JsonObject? made)
    {
        lock (gate) Store(path, (JsonObject?)made?.DeepClone());
    }

    /// <summary>The token is another one now; the kubelet has written it into the pod's folder.</summary>
    public void ChangeToken(string next)
    {
        token = next;
        File.WriteAllText(Path.Combine(folder, "token"), next);
    }

    /// <summary>Watches end, and what happened before now is forgotten: who goes on from there gets 410.</summary>
    public void Compact()
    {
        lock (gate)
        {
            forgotten = ++version;
            history.Clear();
        }

        EndWatches();
    }

    public void EndWatches()
    {
        var ended = Interlocked.Exchange(ref watches, new());
        ended.Cancel();
    }

    /// <summary>The next calls get this status (429 with Retry-After); 0: their connection ends.</summary>
    public void Fail(int calls, int status = 503)
    {
        outageStatus = status;
        Volatile.Write(ref outage, calls);
    }

    /// <summary>From now on a watch is told 410 before it begins, as a server does whose cache has just started.</summary>
    public bool RefusesWatches { get; set; }

    public int Count(string line)
    {
        lock (gate) return Log.Count(l => l == line);
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        EndWatches();
        await web.StopAsync(new CancellationToken(canceled: true));
        await web.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task Serve(HttpContext context)
    {
        var request = context.Request;
        var path = request.Path.Value!;
        var status = await Answer(context, path);
        lock (gate) Log.Add($"{request.Method} {path} {status}");
    }

    private async Task<int> Answer(HttpContext context, string path)
    {
        var request = context.Request;
        if (request.Headers.Authorization != "Bearer " + token) return await Refuse(context, 401, "Unauthorized");
        if (Interlocked.Decrement(ref outage) >= 0)
        {
            if (outageStatus == 429) context.Response.Headers.RetryAfter = "1";
            if (outageStatus == 0) context.Abort();
            return outageStatus == 0 ? 0 : await Refuse(context, outageStatus, "the server is currently unable to handle the request");
        }

        if (path == "/version") return await Send(context, 200, new() { ["major"] = "1", ["minor"] = "31+", ["gitVersion"] = "v1.31.2" });
        var selected = request.Query["fieldSelector"].ToString();
        var watching = request.Query["watch"] == "true";
        var right = Rights.Asked(request.Method, path, selected, watching);
        if (right is null || !Granted.Contains(right)) return await Refuse(context, 403, $"forbidden: {request.Method} {path}?{selected}");
        lock (Used) Used.Add(right);
        var target = selected.Length > 0 ? $"{path}/{selected["metadata.name=".Length..]}" : path;
        if (watching && RefusesWatches) return await Refuse(context, 410, "too old resource version");
        if (watching) return await Watch(context, target, request.Query["resourceVersion"].ToString());
        var body = HttpMethods.IsGet(request.Method) ? null : JsonNode.Parse(await new StreamReader(request.Body, Encoding.UTF8).ReadToEndAsync()) as JsonObject;
        var type = HttpMethods.IsPatch(request.Method) ? ApiClient.StrategicMerge : "application/json";
        if (body is not null && request.ContentType != type) return await Refuse(context, 415, $"the body of the request was in an unknown format: {request.ContentType}");
        (int Status, JsonObject Body) answer;
        lock (gate)
        {
            answer = request.Method switch
            {
                "GET" when selected.Length > 0 => (200, ListOf(target)),
                "GET" => objects.TryGetValue(path, out var found) ? (200, (JsonObject)found.DeepClone()) : Status(404, $"{path} not found"),
                "POST" => Create(path, body!),
                "PUT" => Replace(path, body!),
                _ => Merge(path, body!),
            };
        }

        return await Send(context, answer.Status, answer.Body);
    }

    private (int Status, JsonObject Body) Create(string folder, JsonObject made)
    {
        if (made["metadata"]!["resourceVersion"] is not null) return Status(400, "resourceVersion should not be set on objects to be created");
        if (WrongType(folder, made) is { } wrong) return wrong;
        var path = $"{folder}/{made["metadata"]!["name"]}";
        if (objects.ContainsKey(path)) return Status(409, $"{path} already exists");
        return (201, Store(path, made)!);
    }

    private (int Status, JsonObject Body) Replace(string path, JsonObject changed)
    {
        if (!objects.TryGetValue(path, out var old)) return Status(404, $"{path} not found");
        if (WrongType(path, changed) is { } wrong) return wrong;
        if ((string?)changed["metadata"]?["name"] != path[(path.LastIndexOf('/') + 1)..]) return Status(400, "the name of the object does not match the name on the URL");
        if ((string?)changed["metadata"]?["uid"] is { } uid && uid != (string?)old["metadata"]!["uid"]) return Status(409, "Precondition failed: UID in precondition");
        if ((string?)changed["type"] != (string?)old["type"]) return Status(422, "type: Invalid value: field is immutable");
        if ((string?)changed["metadata"]?["resourceVersion"] is not { } given) return Status(422, "metadata.resourceVersion: must be specified for an update");
        if (given != (string?)old["metadata"]!["resourceVersion"]) return Status(409, "the object has been modified; please apply your changes to the latest version and try again");
        return (200, Store(path, changed)!);
    }

    /// <summary>Kind and version of a body are those of the path; times of a Lease have microseconds, and its numbers are in range.</summary>
    private static (int Status, JsonObject Body)? WrongType(string path, JsonObject body)
    {
        var lease = path.StartsWith(Names.LeaseFolder, StringComparison.Ordinal);
        var expected = lease ? ("coordination.k8s.io/v1", "Lease") : ("v1", "Secret");
        if (((string?)body["apiVersion"], (string?)body["kind"]) != expected) return Status(400, "the object provided is unrecognized (must be of type Secret or Lease)");
        if (!lease) return null;
        var spec = body["spec"]!;
        if (new[] { "renewTime", "acquireTime" }.Any(t => !MicroTime.IsMatch((string?)spec[t] ?? ""))) return Status(400, "Lease in version \"v1\" cannot be handled as a Lease: parsing time");
        return (int)spec["leaseDurationSeconds"]! > 0 && (int)spec["leaseTransitions"]! >= 0 ? null : Status(422, "spec.leaseDurationSeconds: Invalid value: must be greater than 0");
    }

    private (int Status, JsonObject Body) Merge(string path, JsonObject patch)
    {
        if (!objects.TryGetValue(path, out var old)) return Status(404, $"{path} not found");
        if (patch["metadata"]?["resourceVersion"] is { } given && (string?)given != (string?)old["metadata"]!["resourceVersion"]) return Status(409, "the object has been modified");
        var merged = (JsonObject)old.DeepClone();
        foreach (var change in patch["webhooks"]!.AsArray())
        {
            var entry = merged["webhooks"]!.AsArray().FirstOrDefault(e => (string?)e!["name"] == (string?)change!["name"]);
            if (entry is null) return Status(422, $"webhooks {change!["name"]}: clientConfig: Required value: exactly one of url or service is required");
            foreach (var (key, value) in change!["clientConfig"]!.AsObject()) entry["clientConfig"]![key] = value?.DeepClone();
        }

        return (200, Store(path, merged)!);
    }

    private JsonObject? Store(string path, JsonObject? made)
    {
        var had = objects.TryGetValue(path, out var old);
        if (made is null && !had) return null;
        var stored = made ?? (JsonObject)old!.DeepClone();
        if (stored["metadata"] is not JsonObject metadata) stored["metadata"] = metadata = [];
        metadata["resourceVersion"] = $"{++version}";
        if (!had) metadata["uid"] = Guid.NewGuid().ToString();
        if (had && !metadata.ContainsKey("uid")) metadata["uid"] = (string?)old!["metadata"]!["uid"];
        var kinds = path.StartsWith(Names.SecretFolder, StringComparison.Ordinal) ? ("v1", "Secret") : path.StartsWith(Names.LeaseFolder, StringComparison.Ordinal) ? ("coordination.k8s.io/v1", "Lease")
            : ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration");
        (stored["apiVersion"], stored["kind"]) = kinds;
        if (!metadata.ContainsKey("name")) metadata["name"] = path[(path.LastIndexOf('/') + 1)..];
        if (made is null) objects.Remove(path);
        else objects[path] = stored;
        history.Add((version, made is null ? "DELETED" : had ? "MODIFIED" : "ADDED", path, (JsonObject)stored.DeepClone()));
        foreach (var watcher in watchers) watcher.TrySetResult();
        watchers.Clear();
        return (JsonObject)stored.DeepClone();
    }

    private JsonObject ListOf(string target) => new()
    {
        ["kind"] = "List",
        ["metadata"] = new JsonObject { ["resourceVersion"] = $"{version}" },
        ["items"] = objects.TryGetValue(target, out var found) ? new JsonArray(found.DeepClone()) : [],
    };

    private async Task<int> Watch(HttpContext context, string target, string from)
    {
        if (!long.TryParse(from, out var position)) return await Refuse(context, 400, "resourceVersion: Invalid value");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop.Token, watches.Token);
        context.Response.ContentType = "application/json";
        await Event("BOOKMARK", new() { ["metadata"] = new JsonObject { ["resourceVersion"] = from } });
        try
        {
            while (true)
            {
                var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                List<(long Version, string Type, string Path, JsonObject Object)> news;
                lock (gate)
                {
                    news = position < forgotten ? [(0, "ERROR", target, Status(410, "too old resource version").Body)] : [.. history.Where(h => h.Version > position && h.Path == target)];
                    position = Math.Max(position, version);
                    watchers.Add(changed);
                }

                foreach (var happened in news)
                {
                    await Event(happened.Type, (JsonObject)happened.Object.DeepClone());
                    if (happened.Type == "ERROR") return 200;
                }

                await changed.Task.WaitAsync(ended.Token);
            }
        }
        catch (OperationCanceledException)
        {
            return 200;
        }

        async Task Event(string type, JsonObject what)
        {
            await context.Response.WriteAsync(new JsonObject { ["type"] = type, ["object"] = what }.ToJsonString() + "\n", ended.Token);
            await context.Response.Body.FlushAsync(ended.Token);
        }
    }

    private static (int Status, JsonObject Body) Status(int code, string message) =>
        (code, new() { ["kind"] = "Status", ["apiVersion"] = "v1", ["status"] = "Failure", ["message"] = message, ["code"] = code });

    private static Task<int> Refuse(HttpContext context, int code, string message) => Send(context, code, Status(code, message).Body);

    private static async Task<int> Send(HttpContext context, int status, JsonObject body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body.ToJsonString());
        return status;
    }
}
