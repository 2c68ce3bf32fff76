using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Api;
using DrainProxy.Kubernetes.Tests.Api;
using DrainProxy.Kubernetes.Webhook.Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using static DrainProxy.Kubernetes.Tests.Webhook.TestCluster;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>API servers that refuse, overload and forget, and Secrets that somebody else has filled.</summary>
public sealed class ClusterFaultTests
{
    /// <summary>Both ways: nothing is refused in a life that meets each kind of call, and no right is there that it does not use.</summary>
    [Fact]
    public async Task The_rights_of_the_base_are_those_that_are_used()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 2);
        await Ready(replicas);
        await Until(() => Used(api).Contains(new("update", "coordination.k8s.io/leases", FakeApiServer.Names.Lease)));

        Assert.Equal(api.Granted.Select(r => r.ToString()).Order(StringComparer.Ordinal), Used(api).Select(r => r with { Name = r.Verb == "create" ? "" : r.Name }).Select(r => r.ToString()).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(api.Log.ToList(), l => l.EndsWith(" 403", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(0)]
    public async Task Overload_faults_and_broken_connections_are_got_over(int status)
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        api.Fail(5, status);
        await using var replicas = await Replicas.Start(api, 2);
        await Ready(replicas);

        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
    }

    [Fact]
    public async Task A_server_that_is_not_there_yet_is_waited_for()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        var token = Path.Combine(api.AccountFolder, "token");
        File.Move(token, token + ".later");
        await using var replicas = await Replicas.Start(api, 1);
        Assert.NotNull(replicas.All[0].Unready());
        File.Move(token + ".later", token);

        await Ready(replicas);
    }

    /// <summary>Each time from the list to the watch and back, with a pause that grows.</summary>
    [Fact]
    public async Task A_server_that_refuses_each_watch_as_too_old_is_not_asked_without_a_pause()
    {
        await using var api = await Server();
        api.RefusesWatches = true;
        var time = new StoppedTime();
        using var client = new ApiClient(api.Address, new ServiceAccount(api.AccountFolder, time), time);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var watched = new WatchedObject(client, FakeApiServer.Names.SecretFolder, FakeApiServer.Names.Secret, time, NullLogger.Instance);
        var run = watched.Run(stop.Token);
        await Until(() => time.Pauses > 0 || api.Count($"GET {FakeApiServer.Names.SecretFolder} 410") > 20);

        Assert.Equal((1, 1), (api.Count($"GET {FakeApiServer.Names.SecretFolder} 410"), time.Pauses));
        await stop.CancelAsync();
        await run.WaitAsync(Limit, Cancel);
    }

    /// <summary>A chain that is no PEM behind a good certificate, an RSA CA, a CA that is none: the replica lives on and its leader makes them anew.</summary>
    [Theory]
    [InlineData("broken chain")]
    [InlineData("RSA authority")]
    [InlineData("authority that is none")]
    public async Task A_Secret_that_somebody_else_has_filled_ends_nothing(string with)
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        api.Put(FakeApiServer.Names.SecretPath, Filled(with));
        await using var replicas = await Replicas.Start(api, 2);
        if (with == "broken chain") api.Put(FakeApiServer.Names.SecretPath, null);

        await Ready(replicas);
        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
    }

    /// <summary>A root in the caBundle, the certificate by an intermediate that is served beside it: what an Issuer of cert-manager may give.</summary>
    [Fact]
    public async Task A_certificate_by_an_intermediate_is_seen_to_be_trusted()
    {
        await using var api = await Server();
        var now = TimeProvider.System.GetUtcNow();
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var rootRequest = new CertificateRequest("CN=root", rootKey, HashAlgorithmName.SHA256);
        rootRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var root = rootRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(90));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=intermediate", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        using var made = request.Create(root, now.AddDays(-1), now.AddDays(60), [1, 2, 3]);
        var intermediate = new PemPair(made.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
        var leaf = CertificateMaker.Leaf(intermediate, [Host], now, TimeSpan.FromDays(30));
        api.Put(FakeApiServer.Names.SecretPath, Secret(("tls.crt", leaf.Certificate + intermediate.Certificate), ("tls.key", leaf.Key)));
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration(root.ExportCertificatePem() + "\n"));
        await using var replicas = await Replicas.Start(api, 1, lead: false);

        await Ready(replicas);
        await CallAsApiServer(api, replicas.All[0]);
    }

    /// <summary>Go, in which API servers are written, looks at no common name.</summary>
    [Fact]
    public void A_common_name_is_no_name()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=" + Host, key, HashAlgorithmName.SHA256).CreateSelfSigned(TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow().AddDays(1));

        Assert.False(WebhookEntries.Names(made, Host));
        Assert.False(WebhookEntries.Names(made, "no host at all"));
    }

    /// <summary>Somebody else's entry in the same configuration: it is served too, whatever it calls, and written for once.</summary>
    [Theory]
    [InlineData("https://other.example:8443/hook", true)]
    [InlineData("https://[::1]:9443/mutate", true)]
    [InlineData("https://b\u00fccher.example/mutate", true)]
    [InlineData("https://a_b..example/mutate", false)]
    public async Task An_entry_of_another_kind_does_not_keep_ours_from_its_certificate(string url, bool canBeNamed)
    {
        await using var api = await Server();
        var configuration = Configuration();
        configuration["webhooks"]!.AsArray().Add((JsonNode)new JsonObject { ["name"] = "foreign.example.com", ["clientConfig"] = new JsonObject { ["url"] = url } });
        api.Put(FakeApiServer.Names.ConfigurationPath, configuration);
        await using var replicas = await Replicas.Start(api, 1);
        await Until(() => replicas.Sources[0].Leads && (canBeNamed ? replicas.All[0].Unready() is null : Bundles(api).All(b => b.Length > 0)), () => replicas.All[0].Unready() ?? "");
        for (var looks = Looks(api); Looks(api) < looks + 3;) await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);

        Assert.InRange(api.Count($"PUT {FakeApiServer.Names.SecretPath} 200") + api.Count($"POST {FakeApiServer.Names.SecretFolder} 201"), 1, 2);
    }

    private static int Looks(FakeApiServer api) => api.Count($"PUT {FakeApiServer.Names.LeasePath} 200");

    private static List<Right> Used(FakeApiServer api)
    {
        lock (api.Used) return [.. api.Used];
    }

    private static JsonObject Filled(string with)
    {
        var now = TimeProvider.System.GetUtcNow();
        var ca = CertificateMaker.Authority(now, TimeSpan.FromDays(365));
        var leaf = CertificateMaker.Leaf(ca, [Host], now, TimeSpan.FromDays(30));
        using var rsa = RSA.Create(2048);
        var request = new CertificateRequest("CN=somebody", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(365));
        return with switch
        {
            "broken chain" => Secret(("ca.crt", ca.Certificate), ("ca.key", ca.Key), ("tls.crt", leaf.Certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), ("tls.key", leaf.Key)),
            "RSA authority" => Secret(("ca.crt", made.ExportCertificatePem()), ("ca.key", rsa.ExportPkcs8PrivateKeyPem())),
            _ => Secret(("ca.crt", leaf.Certificate), ("ca.key", leaf.Key)),
        };
    }

    /// <summary>Counts the pauses that are begun; none ends.</summary>
    private sealed class StoppedTime : TimeProvider
    {
        private int pauses;

        public int Pauses => Volatile.Read(ref pauses);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            // Limits of calls are of another size than the pause after a fault.
            if (dueTime < TimeSpan.FromSeconds(2) && dueTime > TimeSpan.Zero) Interlocked.Increment(ref pauses);
            return System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
