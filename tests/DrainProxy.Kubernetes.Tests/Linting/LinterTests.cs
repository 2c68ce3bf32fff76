using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Linting;
using DrainProxy.Kubernetes.Manifests;
using DrainProxy.Kubernetes.Tests.Injection;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Kubernetes.Tests.Linting;

public sealed class LinterTests
{
    private const string OneReplica = """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: shop, namespace: eu}
        spec:
          replicas: 1
          template:
            metadata: {annotations: {SUPPRESSION}}
            spec: {containers: [{name: a, ports: [{containerPort: 1}], readinessProbe: {tcpSocket: {port: 1}}, lifecycle: {preStop: {exec: {command: [/wait]}}}, resources: {limits: {memory: 1Gi}}}]}
        """;

    public static TheoryData<string> Examples =>
        [.. Directory.GetFiles(Path.Combine(Source.Root, "deploy"), "*.yaml", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Source.Root, f)).Where(f => !f.Contains("bad", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Good_examples_get_advice_at_most(string example)
    {
        var manifests = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, example)));

        Assert.DoesNotContain(Linter.Lint(manifests, LintOptions.Default), f => f.Severity > Severity.Info);
    }

    public static TheoryData<string> Platforms => [.. Directory.GetFiles(Path.Combine(Source.Root, "tests/DrainProxy.Kubernetes.Tests/Linting/Platforms")).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    /// <summary>Manifests as platform teams write them, with nothing of DrainProxy: a false alarm here would be one everywhere.</summary>
    [Theory]
    [MemberData(nameof(Platforms))]
    public void What_platform_teams_write_with_care_gets_advice_at_most(string name)
    {
        var manifests = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, "tests/DrainProxy.Kubernetes.Tests/Linting/Platforms", name)));

        Assert.DoesNotContain(Linter.Lint(manifests, LintOptions.Default), f => f.Severity > Severity.Info);
    }

    [Theory]
    [InlineData("image: puma:6", "", "[Warning] puma")]
    [InlineData("args: [gunicorn, app]", "", "[Error] gunicorn")]
    [InlineData("args: [gunicorn, --keep-alive, '5', app]", "", "[Error] gunicorn")]
    [InlineData("image: 'node:22', env: [{name: NODE_KEEP_ALIVE_MS, value: '65000'}]", "", null)]
    [InlineData("image: 'node:22'", ", {name: nginx, image: 'nginx:1', ports: [{containerPort: 80}]}", null)]
    public void What_a_server_keeps_is_an_error_where_it_is_seen_and_a_warning_where_it_is_guessed(string container, string beside, string? expected)
    {
        var ports = beside.Length == 0 ? ", ports: [{containerPort: 3000}]" : "";
        var findings = Lint($"{{apiVersion: v1, kind: Pod, metadata: {{annotations: {{drainproxy.io/lb: alb}}}}, spec: {{containers: [{{name: a, {container}{ports}}}{beside}]}}}}");

        Assert.Equal(expected, findings.Where(f => f.Rule == "keepalive-below-lb").Select(f => $"[{f.Severity}] {f.Message.Split(' ')[0]}").SingleOrDefault());
    }

    [Theory]
    [InlineData("registry.example/distroless/static-debian12:nonroot", Severity.Error)]
    [InlineData("registry.example/distroless/base:debug", Severity.Info)]
    [InlineData("registry.example/aspnet:10.0-noble-chiseled", Severity.Error)]
    [InlineData("cgr.dev/chainguard/node:latest", Severity.Error)]
    [InlineData("cgr.dev/chainguard/node:latest-dev", Severity.Info)]
    [InlineData("registry.example/static-site:3", Severity.Info)]
    public void An_image_without_a_shell_is_known_by_its_name(string image, Severity severity) =>
        Assert.Equal(severity, Lint($"{{apiVersion: v1, kind: Pod, spec: {{containers: [{{name: a, image: '{image}', lifecycle: {{preStop: {{exec: {{command: [sleep, '5']}}}}}}}}]}}}}").Single(f => f.Rule == "exec-hook-shell").Severity);

    [Theory]
    [MemberData(nameof(Examples))]
    public void Injected_examples_get_advice_at_most(string example)
    {
        foreach (var version in (KubernetesVersion[])[KubernetesVersion.Newest, new(1, 28)])
        {
            var manifests = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, example)));
            new ManifestInjection(manifests).Inject(InjectionRequest.Default with { Version = version });

            Assert.DoesNotContain(Linter.Lint(Given.Manifests(ManifestWriter.Write(manifests)), LintOptions.Default), f => f.Severity > Severity.Info);
        }
    }

    [Fact]
    public void A_finding_says_all_that_is_needed_to_mend_it()
    {
        var finding = Assert.Single(Lint(OneReplica.Replace("SUPPRESSION", "a: b", StringComparison.Ordinal)));

        Assert.Equal(("single-replica", Severity.Warning, "given.yaml", 5, "Deployment/eu/shop", "spec.replicas"), (finding.Rule, finding.Severity, finding.File, finding.Line, finding.Target, finding.Field));
    }

    [Fact]
    public void A_suppression_with_a_reason_suppresses_its_rule_alone()
    {
        Assert.Empty(Lint(OneReplica.Replace("SUPPRESSION", "drainproxy.io/lint-ignore: 'single-replica: it may be away'", StringComparison.Ordinal)));
        Assert.Equal(["single-replica", "suppression-reason"], Lint(OneReplica.Replace("SUPPRESSION", "drainproxy.io/lint-ignore: 'single-replica'", StringComparison.Ordinal)).Select(f => f.Rule).Order());
        Assert.Single(Lint(OneReplica.Replace("SUPPRESSION", "drainproxy.io/lint-ignore: 'pdb-missing: no'", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("1.29", Severity.Error)]
    [InlineData("1.30", Severity.Info)]
    public void The_servers_version_decides_on_the_sleep_action(string version, Severity severity)
    {
        var manifests = Given.Manifests("{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, lifecycle: {preStop: {sleep: {seconds: 5}}}}]}}");
        var options = LintOptions.Default with { Version = KubernetesVersion.TryParse(version)! };

        Assert.Equal(severity, Linter.Lint(manifests, options).Single(f => f.Rule == "sleep-hook-version").Severity);
    }

    [Fact]
    public void Memory_of_a_request_is_given_by_option_and_by_annotation()
    {
        const string Pod = "{apiVersion: v1, kind: Pod, metadata: {annotations: {ANNOTATION}}, spec: {containers: [{name: a, env: [{name: RAILS_MAX_THREADS, value: '10'}], resources: {limits: {memory: 1000Mi}}}]}}";
        bool Complains(string annotation, decimal option) => Linter.Lint(Given.Manifests(Pod.Replace("ANNOTATION", annotation, StringComparison.Ordinal)), LintOptions.Default with { MbPerRequest = option })
            .Any(f => f.Rule == "memory-concurrency");

        Assert.True(Complains("a: b", 180));
        Assert.False(Complains("a: b", 100));
        Assert.False(Complains("drainproxy.io/mb-per-request: '50'", 180));
        Assert.True(Complains("drainproxy.io/mb-per-request: '500.5'", 10));
    }

    [Fact]
    public void No_pod_however_odd_makes_it_fail() => Check.One(Config.QuickThrowOnFailure.WithMaxTest(300), Prop.ForAll(PodGenerator.Pods.ToArbitrary(), pod =>
    {
        pod["apiVersion"] = "v1";
        pod["kind"] = "Pod";
        var services = "\n---\n{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {app: shop}, ports: [{port: 80, targetPort: web}, {port: 1}, {}, null]}}";
        var findings = Lint(YamlWriter.Write(pod) + services);
        return findings.All(f => f.Line > 0 && f.Target.Length > 0) && JsonNode.Parse(LintReport.Json(findings)) is not null;
    }));

    [Theory]
    [InlineData("{kind: Ingress, spec: 5}")]
    [InlineData("{kind: Service, apiVersion: v1, spec: {ports: {}, type: [LoadBalancer], selector: x}}")]
    [InlineData("{kind: HorizontalPodAutoscaler, metadata: [], spec: null}")]
    [InlineData("{kind: List, items: [null, 5, {kind: 7}, {kind: Deployment, apiVersion: apps/v1, spec: {template: {spec: {containers: [null, 5, {}]}}}}]}")]
    [InlineData("{kind: Deployment, apiVersion: apps/v1, spec: {replicas: many, template: {metadata: {annotations: [1]}, spec: {containers: {a: b}}}}}")]
    [InlineData("{kind: MutatingWebhookConfiguration, webhooks: [{}, {rules: [{resources: '*'}]}]}")]
    [InlineData("{}")]
    public void Fields_of_the_wrong_type_are_as_if_they_were_not_there(string text) => Assert.NotNull(Lint(text));

    [Fact]
    public void Sarif_has_what_code_scanning_asks_for()
    {
        var findings = Lint(OneReplica.Replace("SUPPRESSION", "a: b", StringComparison.Ordinal));
        var run = JsonNode.Parse(LintReport.Sarif(findings))!["runs"]![0]!;
        var result = Assert.Single(run["results"]!.AsArray())!;

        Assert.Equal("single-replica", run["tool"]!["driver"]!["rules"]![(int)result["ruleIndex"]!]!["id"].AsText());
        Assert.Equal("warning", result["level"].AsText());
        Assert.Equal("given.yaml", result["locations"]![0]!["physicalLocation"]!["artifactLocation"]!["uri"].AsText());
        Assert.Equal(5, (int)result["locations"]![0]!["physicalLocation"]!["region"]!["startLine"]!);
    }

    [Fact]
    public void Page_has_the_rules_of_the_program()
    {
        const string Begin = "<!-- rules: made from the program; UPDATE_LINT_PAGE=1 dotnet test tests/DrainProxy.Kubernetes.Tests writes it anew -->\n", End = "<!-- rules: end -->";
        var path = Path.Combine(Source.Root, "docs/lint.md");
        var text = File.ReadAllText(path);
        var (begin, end) = (text.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, text.IndexOf(End, StringComparison.Ordinal));
        Assert.True(begin >= Begin.Length && end >= begin, "the marks around the rules are gone");
        if (Environment.GetEnvironmentVariable("UPDATE_LINT_PAGE") == "1") File.WriteAllText(path, text[..begin] + LintPage.Rules() + text[end..]);
        else Assert.Equal(LintPage.Rules(), text[begin..end]);
    }

    private static IReadOnlyList<Finding> Lint(string text) => Linter.Lint(Given.Manifests(text), LintOptions.Default);
}
