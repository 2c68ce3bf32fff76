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
using static DrainProxy.Kubernetes.Tests.Webhook.TestCluster;
using Microsoft.Extensions.Logging.Abstractions;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>Several replicas against one API server, over real TLS sockets in both directions.</summary>
public sealed class ClusterTests
{
    [Fact]
    public async Task Three_replicas_that_start_at_once_agree_on_one_certificate_that_the_API_server_trusts()
    {
        await using var api = await Server();
        // The base renders an empty Secret, and entries that trust nobody.
        api.Put(FakeApiServer.Names.SecretPath, new() { ["type"] = "Opaque" });
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 3);
        await Until(() => replicas.All.All(r => r.Unready() is null), () => string.Join("; ", replicas.All.Select(r => r.Unready())));

        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
        Assert.Single(replicas.Sources.Select(s => s.Current!.TargetCertificate.SerialNumber).Distinct());
        Assert.Single(replicas.Sources, s => s.Leads);
        // A CA, then a certificate, and every entry trusts in between.
        Assert.Equal(2, api.Count($"PUT {FakeApiServer.Names.SecretPath} 200") + api.Count($"POST {FakeApiServer.Names.SecretFolder} 201"));
        Assert.All(Bundles(api), b => Assert.Equal(new CertificateSecret(api.Peek(FakeApiServer.Names.SecretPath)).Bundle, b));
        Assert.DoesNotContain(api.Log.ToList(), l => l.EndsWith(" 403", StringComparison.Ordinal) || l.EndsWith(" 415", StringComparison.Ordinal) || l.EndsWith(" 422", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_CA_is_replaced_under_load_without_one_refused_call()
    {
        await using var api = await Server();
        var now = TimeProvider.System.GetUtcNow();
        var old = CertificateMaker.Authority(now.AddDays(-310), TimeSpan.FromDays(365));
        var leaf = CertificateMaker.Leaf(old, [Host], now, TimeSpan.FromDays(30));
        api.Put(FakeApiServer.Names.SecretPath, Secret(("ca.crt", old.Certificate), ("ca.key", old.Key), ("tls.crt", leaf.Certificate), ("tls.key", leaf.Key)));
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration(old.Certificate));
        var before = X509Certificate2.CreateFromPem(leaf.Certificate).SerialNumber;
        await using var replicas = await Replicas.Start(api, 2);
        await Until(() => replicas.Sources.All(s => s.Current is not null));

        var (calls, both) = (0, false);
        // A new connection each time, which trusts what the configuration says at that moment.
        await Until(() => replicas.Sources.All(s => s.Current!.TargetCertificate.SerialNumber != before) && Bundles(api).All(b => Count(b) == 1), step: async () =>
        {
            foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
            both |= Bundles(api).All(b => Count(b) == 2);
            calls++;
        });
        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);

        Assert.True(both && calls > 0);
        Assert.NotEqual(old.Certificate.Trim(), new CertificateSecret(api.Peek(FakeApiServer.Names.SecretPath)).Authorities[0].ExportCertificatePem().Trim());
    }

    [Fact]
    public async Task Whatever_is_deleted_or_overwritten_is_mended()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 2);
        await Ready(replicas);

        // kubectl apply of the base: the entries trust nobody again.
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await Until(() => replicas.All.All(r => r.Unready() is null) && Bundles(api).All(b => b.Length > 0));
        api.Put(FakeApiServer.Names.SecretPath, null);
        await Until(() => api.Peek(FakeApiServer.Names.SecretPath) is { } made && new CertificateSecret(made).Leaf is not null);
        await Ready(replicas);
        api.Put(FakeApiServer.Names.SecretPath, Secret(("ca.crt", "nonsense"), ("ca.key", "x"), ("tls.crt", "y"), ("tls.key", "z")));
        await Until(() => new CertificateSecret(api.Peek(FakeApiServer.Names.SecretPath)).Leaf is not null);
        await Ready(replicas);
        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
    }

    [Fact]
    public async Task Watches_that_end_outages_and_a_new_token_are_got_over()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 2);
        await Ready(replicas);

        api.ChangeToken("second");
        api.Fail(6);
        api.Compact();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await Until(() => Bundles(api).All(b => b.Length > 0));
        await Ready(replicas);
        api.EndWatches();
        api.Put(FakeApiServer.Names.ConfigurationPath, null);
        await Until(() => replicas.All.All(r => r.Unready()?.Contains("no entries", StringComparison.Ordinal) == true));
    }

    [Fact]
    public async Task A_leader_that_stops_gives_the_lease_back_and_another_goes_on()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 2);
        await Ready(replicas);
        await Until(() => replicas.Sources.Count(s => s.Leads) == 1);
        var leader = replicas.Sources.FindIndex(s => s.Leads);
        await replicas.All[leader].Stop(new CancellationToken(canceled: true));

        await Until(() => replicas.Sources[1 - leader].Leads);
        var seen = (int)api.Peek(FakeApiServer.Names.LeasePath)!["spec"]!["leaseTransitions"]!;
        Assert.Equal(1, seen);
    }

    [Fact]
    public async Task With_cert_manager_the_Secret_is_followed_and_nothing_is_written()
    {
        await using var api = await Server();
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration());
        await using var replicas = await Replicas.Start(api, 2, lead: false);
        var now = TimeProvider.System.GetUtcNow();
        var ca = CertificateMaker.Authority(now, TimeSpan.FromDays(90));
        var leaf = CertificateMaker.Leaf(ca, [Host], now, TimeSpan.FromDays(30));
        api.Put(FakeApiServer.Names.SecretPath, Secret(("ca.crt", ca.Certificate), ("tls.crt", leaf.Certificate), ("tls.key", leaf.Key)));
        await Until(() => replicas.All.All(r => r.Unready()?.Contains("does not trust", StringComparison.Ordinal) == true), () => replicas.All[0].Unready() ?? "ready");
        // cert-manager's own controller does that.
        api.Put(FakeApiServer.Names.ConfigurationPath, Configuration(ca.Certificate));
        await Ready(replicas);

        foreach (var replica in replicas.All) await CallAsApiServer(api, replica);
        Assert.All(api.Log.ToList(), l => Assert.StartsWith("GET ", l, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_servers_version_is_read_as_major_and_minor()
    {
        await using var api = await Server();
        using var client = api.Client();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var version = new ServerVersion(client, TimeProvider.System);
        // A native sidecar would make an older server refuse the pod: nobody is to call before it has told.
        Assert.Contains("version", version.Unready, StringComparison.Ordinal);
        await using var webhook = await TestWebhook.Start(server: version);
        Assert.Equal(version.Unready, webhook.Replica.Unready());
        var run = version.Run(stop.Token);
        await Until(() => version.Current != KubernetesVersion.Newest);
        await stop.CancelAsync();
        await run;

        Assert.Equal((new KubernetesVersion(1, 31), null, null), (version.Current, version.Unready, webhook.Replica.Unready()));
    }
}
