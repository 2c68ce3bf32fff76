using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Linting;
using DrainProxy.Kubernetes.Manifests;
using DrainProxy.Kubernetes.Tests.Api;
using DrainProxy.Kubernetes.Webhook.Certificates;

namespace DrainProxy.Kubernetes.Tests.Deploy;

/// <summary>What deploy/kustomize renders to, and that its parts fit each other and the program.</summary>
public sealed class KustomizeTests
{
    private const string Space = FakeApiServer.Space;

    private static readonly string Folder = Path.Combine(Source.Root, "deploy/kustomize");

    public static TheoryData<string> All => ["base", "overlays/cert-manager", "overlays/fail-closed", "overlays/single-namespace"];

    [Theory]
    [MemberData(nameof(All))]
    public void It_renders_without_an_error_that_lint_knows_of(string name)
    {
        var findings = Linter.Lint(Given.Manifests(Render(name)), LintOptions.Default);

        Assert.DoesNotContain(findings, f => f.Severity >= Severity.Warning);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void References_lead_somewhere(string name)
    {
        var all = Objects(Render(name));
        var deployment = One(all, "Deployment");
        var pod = deployment["spec"]!["template"]!;
        var labels = pod["metadata"]!["labels"]!;
        var ports = pod["spec"]!["containers"]![0]!["ports"]!.AsArray().ToDictionary(p => (string)p!["name"]!, p => (int)p!["containerPort"]!);
        var service = One(all, "Service");

        Assert.Equal((9443, 9180), (ports["webhook"], ports["admin"]));
        Assert.True((int)deployment["spec"]!["replicas"]! >= 2);
        Assert.All(
            [deployment["spec"]!["selector"]!["matchLabels"]!, service["spec"]!["selector"]!, One(all, "PodDisruptionBudget")["spec"]!["selector"]!["matchLabels"]!, One(all, "NetworkPolicy")["spec"]!["podSelector"]!["matchLabels"]!],
            selector => Assert.True(JsonNode.DeepEquals(labels, selector)));
        Assert.Contains((string)service["spec"]!["ports"]![0]!["targetPort"]!, ports.Keys);
        Assert.Equal("drainproxy-webhook", (string)pod["spec"]!["serviceAccountName"]!);
        foreach (var kind in new[] { "Role", "ClusterRole" })
        {
            var binding = One(all, kind + "Binding");
            Assert.Equal((kind, Name(One(all, kind))), ((string)binding["roleRef"]!["kind"]!, (string)binding["roleRef"]!["name"]!));
            Assert.Equal((Name(One(all, "ServiceAccount")), Space), ((string)binding["subjects"]![0]!["name"]!, (string)binding["subjects"]![0]!["namespace"]!));
        }

        foreach (var entry in Entries(all))
        {
            var called = entry["clientConfig"]!["service"]!;
            Assert.Equal((Name(service), Space, "/mutate"), ((string)called["name"]!, (string)called["namespace"]!, (string)called["path"]!));
            Assert.Equal((int)service["spec"]!["ports"]![0]!["port"]!, (int)called["port"]!);
            Assert.Equal(["v1"], entry["admissionReviewVersions"]!.AsArray().Select(v => (string)v!));
            Assert.Equal(("None", "IfNeeded", 5), ((string)entry["sideEffects"]!, (string)entry["reinvocationPolicy"]!, (int)entry["timeoutSeconds"]!));
            Assert.Equal(name == "overlays/fail-closed" ? "Fail" : "Ignore", (string)entry["failurePolicy"]!);
        }

        Assert.All(all.Where(o => o["metadata"]!["namespace"] is not null), o => Assert.Equal(Space, (string)o["metadata"]!["namespace"]!));
    }

    [Fact]
    public void Names_are_those_the_program_takes_without_options()
    {
        var all = Objects(Render("base"));

        Assert.Equal((FakeApiServer.Names.Secret, FakeApiServer.Names.Configuration), (Name(One(all, "Secret")), Name(One(all, "MutatingWebhookConfiguration"))));
    }

    [Fact]
    public void With_cert_manager_nothing_is_written_and_the_names_are_the_same()
    {
        var all = Objects(Render("overlays/cert-manager"));
        var certificate = Assert.Single(all, o => (string)o["kind"]! == "Certificate" && (string)o["spec"]!["secretName"]! == FakeApiServer.Names.Secret);
        var issuer = Assert.Single(all, o => (string)o["kind"]! == "Issuer" && Name(o) == (string)certificate["spec"]!["issuerRef"]!["name"]!);
        // By a CA that stays: one that signs itself is trusted by nobody between its renewal and the injector's next step.
        Assert.Single(all, o => (string)o["kind"]! == "Certificate" && o["spec"]!["isCA"] is not null && (string)o["spec"]!["secretName"]! == (string)issuer["spec"]!["ca"]!["secretName"]!);

        Assert.DoesNotContain(all, o => (string)o["kind"]! == "Secret");
        Assert.Equal(FakeApiServer.Names.Secret, (string)certificate["spec"]!["secretName"]!);
        Assert.Equal(new WebhookEntries(One(all, "MutatingWebhookConfiguration")).Hosts, certificate["spec"]!["dnsNames"]!.AsArray().Select(n => (string)n!));
        Assert.Equal($"{Space}/{Name(certificate)}", (string)One(all, "MutatingWebhookConfiguration")["metadata"]!["annotations"]!["cert-manager.io/inject-ca-from"]!);
        Assert.All(new[] { "Role", "ClusterRole" }, k => Assert.All(One(all, k)["rules"]!.AsArray(), r => Assert.Equal("get,list,watch", Text(r!["verbs"]))));
        Assert.Equal(["--tls", "cert-manager"], One(all, "Deployment")["spec"]!["template"]!["spec"]!["containers"]![0]!["args"]!.AsArray().Select(a => (string)a!).TakeLast(2));
    }

    /// <summary>Namespace and pod, each without label, enabled or disabled: one entry at most, and `disabled` wins.</summary>
    [Theory]
    [InlineData(null, null, "shop", 0)]
    [InlineData(null, "enabled", "shop", 1)]
    [InlineData(null, "disabled", "shop", 0)]
    [InlineData("enabled", null, "shop", 1)]
    [InlineData("enabled", "enabled", "shop", 1)]
    [InlineData("enabled", "disabled", "shop", 0)]
    [InlineData("disabled", null, "shop", 0)]
    [InlineData("disabled", "enabled", "shop", 0)]
    [InlineData("disabled", "disabled", "shop", 0)]
    [InlineData("enabled", "enabled", Space, 0)]
    [InlineData("enabled", "enabled", "kube-system", 0)]
    public void A_pod_meets_one_entry_at_most(string? space, string? pod, string spaceName, int meets)
    {
        var count = Entries(Objects(Render("base"))).Count(e =>
            Selects(e["namespaceSelector"]!, new() { ["drainproxy.io/inject"] = space, ["kubernetes.io/metadata.name"] = spaceName })
            && Selects(e["objectSelector"]!, new() { ["drainproxy.io/inject"] = pod }));

        Assert.Equal(meets, count);
    }

    /// <summary>All others do without kubectl; this one says that they may.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void Kubectl_renders_the_same(string name)
    {
        var outcome = Kubectl.Kustomize(Path.Combine(Folder, name));

        Assert.True(outcome.ExitCode == 0, outcome.Error);
        Assert.Equal(Sorted(Objects(Render(name))), Sorted(Objects(outcome.Output)));
    }

    [Theory]
    [InlineData("alb")]
    [InlineData("gke-neg")]
    [InlineData("nlb")]
    [InlineData("ingress-nginx")]
    public void Kubectl_reads_the_examples(string name)
    {
        var folder = Directory.CreateTempSubdirectory("drainproxy-example-").FullName;
        try
        {
            File.Copy(Path.Combine(Source.Root, "deploy/examples", name + ".yaml"), Path.Combine(folder, "example.yaml"));
            File.WriteAllText(Path.Combine(folder, "kustomization.yaml"), "resources: [example.yaml]\n");
            var outcome = Kubectl.Kustomize(folder);

            Assert.True(outcome.ExitCode == 0, outcome.Error);
            Assert.Equal(Sorted(Objects(File.ReadAllText(Path.Combine(folder, "example.yaml")))), Sorted(Objects(outcome.Output)));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Render(string name) => string.Join("\n---\n", Kustomization.Render(Path.Combine(Folder, name)).Select(o => YamlWriter.Write(o)));

    /// <summary>Objects and their members in an order of their own: kubectl sorts both.</summary>
    private static List<string> Sorted(List<JsonObject> objects) => [.. objects.Select(o => SortedMembers(o)!.ToJsonString()).Order(StringComparer.Ordinal)];

    private static JsonNode? SortedMembers(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, SortedMembers(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(SortedMembers)]),
        _ => node?.DeepClone(),
    };

    private static bool Selects(JsonNode selector, Dictionary<string, string?> labels) => selector["matchExpressions"]!.AsArray().All(e =>
    {
        var value = labels.GetValueOrDefault((string)e!["key"]!);
        var among = value is not null && e["values"]!.AsArray().Any(v => (string)v! == value);
        return (string)e["operator"]! == "In" ? among : !among;
    });

    private static List<JsonObject> Objects(string text) => [.. Given.Manifests(text).SelectMany(KubeObject.In).Select(o => o.Json)];

    private static JsonObject One(List<JsonObject> all, string kind) => Assert.Single(all, o => (string)o["kind"]! == kind);

    private static List<JsonObject> Entries(List<JsonObject> all) => [.. One(all, "MutatingWebhookConfiguration")["webhooks"]!.AsArray().Select(e => e!.AsObject())];

    private static string Name(JsonObject from) => (string)from["metadata"]!["name"]!;

    private static string Text(JsonNode? list) => string.Join(',', (list as JsonArray ?? []).Select(v => (string)v!));
}
