using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Injection;

public sealed class InjectionTests
{
    private static readonly KubernetesVersion Old = new(1, 28);

    [Theory]
    [InlineData("1.28", false)]
    [InlineData("1.29", true)]
    [InlineData("v1.31.2", true)]
    [InlineData("1.27+", false)]
    [InlineData("v1.29.1-gke.1000", true)]
    [InlineData("2.0", true)]
    public void Native_sidecars_are_taken_from_1_29_on(string version, bool native)
    {
        var pod = Given.Injected(Given.Pod(), InjectionRequest.Default with { Version = KubernetesVersion.TryParse(version)! });

        Assert.Equal(native ? "initContainers" : "containers", ListOfSidecar(pod));
        Assert.Equal(native, Sidecar(pod).ContainsKey("restartPolicy"));
        Assert.Equal(native ? "stay" : null, Variable(pod, "AFTER_DRAIN"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("newest")]
    [InlineData("1")]
    [InlineData("1.x")]
    [InlineData("99999999999.1")]
    public void A_version_that_is_none_is_refused(string text) => Assert.Null(KubernetesVersion.TryParse(text));

    [Fact]
    public void A_plain_sidecar_is_first_and_its_postStart_waits()
    {
        var pod = Given.Injected(Given.Pod(), InjectionRequest.Default with { Version = Old });

        Assert.Equal("drainproxy", pod["spec"]!["containers"]![0]!["name"]!.AsText());
        Assert.Equal("""["/app/drainproxy","signal","started"]""", Sidecar(pod)["lifecycle"]!["postStart"]!["exec"]!["command"]!.ToJsonString());
    }

    [Fact]
    public void A_plain_sidecar_stays_behind_a_mesh_proxy_that_is_first()
    {
        var pod = Given.Pod();
        pod["spec"]!["containers"]!.AsArray().Insert(0, Given.Json("{name: istio-proxy}"));

        var injected = Given.Injected(pod, out var warnings, InjectionRequest.Default with { Version = Old });

        Assert.Equal(["istio-proxy", "drainproxy", "shop"], injected["spec"]!["containers"]!.AsArray().Select(c => c!["name"].AsText()));
        Assert.Contains(warnings, w => w.StartsWith("istio-proxy is an ordinary container", StringComparison.Ordinal));
        Assert.Null(injected["spec"]!["containers"]![0]!["lifecycle"]);
    }

    [Theory]
    [InlineData("restartPolicy: Never", "a plain sidecar would keep it from completing")]
    [InlineData("hostNetwork: true", "hostNetwork")]
    [InlineData("os: {name: windows}", "Windows")]
    [InlineData("nodeSelector: {kubernetes.io/os: windows}", "Windows")]
    [InlineData("containers: []", "no containers")]
    [InlineData("containers: [{name: a}, {name: a}]", "names of their own")]
    [InlineData("containers: [{image: a}]", "names of their own")]
    [InlineData("containers: [{name: a}]", "no port found")]
    [InlineData("containers: [{name: a, ports: [{containerPort: 53, protocol: UDP}]}]", "no port found")]
    [InlineData("containers: [{name: istio-proxy, ports: [{containerPort: 15000}]}]", "no port found")]
    [InlineData("initContainers: [{name: drainproxy}]", "a container is called drainproxy")]
    public void What_cannot_be_injected_stays_as_it_is_with_a_reason(string spec, string reason)
    {
        var result = PodInjector.Inject(Given.Pod(spec: spec), InjectionRequest.Default with { Version = Old });

        Assert.Contains(reason, result.Skipped, StringComparison.Ordinal);
        Assert.Empty(result.Patch);
    }

    [Theory]
    [InlineData("lb: elb")]
    [InlineData("lb: ALB")]
    [InlineData("takeover: port")]
    [InlineData("grace-mode: lower")]
    [InlineData("linger: 5")]
    [InlineData("linger: 25h")]
    [InlineData("drain-timeout: soon")]
    [InlineData("app-stop: -1s")]
    [InlineData("native-sidecar: 'yes'")]
    [InlineData("native-sidecar: true")]
    [InlineData("memory: 'off '")]
    [InlineData("app-port: '0'")]
    [InlineData("app-port: '65536'")]
    [InlineData("app-port: 'Web'")]
    [InlineData("app-port: 'web'")]
    [InlineData("port-name: way-too-long-for-a-name")]
    [InlineData("app-port-env: 9PORT")]
    [InlineData("image: ''")]
    [InlineData("resources: cpu=many")]
    [InlineData("resources: disk=1Gi")]
    [InlineData("resources: 'memory=1Gi,limit-memory=64Mi'")]
    [InlineData("prestop: none")]
    [InlineData("status: '{}'")]
    [InlineData("status: 'not json'")]
    public void A_bad_annotation_leaves_the_pod_alone(string annotation)
    {
        var result = PodInjector.Inject(Given.Pod("drainproxy.io/" + annotation), InjectionRequest.Default);

        Assert.StartsWith("annotation drainproxy.io/" + annotation.Split(':')[0], result.Skipped, StringComparison.Ordinal);
        Assert.Empty(result.Patch);
    }

    [Fact]
    public void The_annotated_port_wins_over_the_Service_and_the_Service_over_the_first()
    {
        const string Ports = "ports: [{name: first, containerPort: 1000}, {name: web, containerPort: 2000}, {name: other, containerPort: 3000}]";
        var service = InjectionRequest.Default with { Services = [Given.Json("{spec: {selector: {app: shop}, ports: [{port: 80, targetPort: web}]}}")] };

        Assert.Equal("http://127.0.0.1:1000", Variable(Given.Injected(Given.Pod(container: Ports)), "APP"));
        Assert.Equal("http://127.0.0.1:2000", Variable(Given.Injected(Given.Pod(container: Ports), service), "APP"));
        Assert.Equal("http://127.0.0.1:3000", Variable(Given.Injected(Given.Pod("drainproxy.io/app-port: other", container: Ports), service), "APP"));
        Assert.Equal("http://127.0.0.1:3000", Variable(Given.Injected(Given.Pod("drainproxy.io/app-port: '3000'", container: Ports), service), "APP"));
        Assert.Equal("http://127.0.0.1:4000", Variable(Given.Injected(Given.Pod("drainproxy.io/app-port: '4000'", container: Ports), service), "APP"));
    }

    [Fact]
    public void A_Service_of_other_pods_is_not_asked()
    {
        const string Ports = "ports: [{name: first, containerPort: 1000}, {name: web, containerPort: 2000}]";
        var service = InjectionRequest.Default with { Services = [Given.Json("{spec: {selector: {app: cart}, ports: [{port: 80, targetPort: web}]}}")] };

        Assert.Equal("http://127.0.0.1:1000", Variable(Given.Injected(Given.Pod(container: Ports), service), "APP"));
    }

    [Fact]
    public void An_app_that_speaks_h2c_is_spoken_to_so()
    {
        var service = InjectionRequest.Default with { Services = [Given.Json("{spec: {selector: {app: shop}, ports: [{port: 80, targetPort: http, appProtocol: kubernetes.io/h2c}]}}")] };

        Assert.Equal("h2c://127.0.0.1:3000", Variable(Given.Injected(Given.Pod(), service), "APP"));
    }

    [Theory]
    [InlineData("", "", 30)]
    [InlineData("drainproxy.io/lb: alb", "", 63)]
    [InlineData("drainproxy.io/lb: nlb", "", 300)]
    [InlineData("drainproxy.io/lb: alb", "terminationGracePeriodSeconds: 600", 600)]
    [InlineData("drainproxy.io/lb: none", "terminationGracePeriodSeconds: 5", 5)]
    public void Grace_is_raised_to_what_the_plan_needs_and_told_to_the_sidecar(string annotation, string spec, int grace)
    {
        var pod = Given.Injected(Given.Pod(annotation, spec));

        Assert.Equal(grace, GraceBudget.Of(pod).TotalSeconds);
        Assert.Equal($"{grace}s", Variable(pod, "GRACE"));
    }

    [Theory]
    [InlineData("{drainproxy.io/grace-mode: keep, drainproxy.io/linger: 30s}")]
    [InlineData("{drainproxy.io/grace-mode: keep, drainproxy.io/app-stop: 2m}")]
    [InlineData("{drainproxy.io/grace-mode: keep, drainproxy.io/drain-timeout: 31s}")]
    [InlineData("{drainproxy.io/grace-mode: keep, drainproxy.io/linger: 20s, drainproxy.io/app-stop: 10s}")]
    [InlineData("{drainproxy.io/linger: 24h}")]
    public void Parts_with_which_DrainProxy_would_not_start_leave_the_pod_alone(string annotations)
    {
        var result = PodInjector.Inject(Given.Pod(annotations), InjectionRequest.Default);

        Assert.Contains("of the grace of 30 s to drain in,does not fit into the grace of".Split(','), part => result.Skipped?.Contains(part, StringComparison.Ordinal) == true);
        Assert.Empty(result.Patch);
    }

    [Fact]
    public void What_was_changed_after_the_injection_stays_changed()
    {
        var injected = Given.Injected(Given.Pod("drainproxy.io/lb: alb"));
        injected["spec"]!["terminationGracePeriodSeconds"] = 120;

        var again = Given.Injected(injected);
        Assert.Equal("120s", Variable(again, "GRACE"));
        JsonPatch.Apply(again, PodInjector.Uninject(again).Patch);
        Assert.Equal(120, again["spec"]!["terminationGracePeriodSeconds"].AsWhole());
        Assert.Null(again["spec"]!["initContainers"]);
    }

    [Fact]
    public void Defaults_of_the_API_server_do_not_hinder_the_way_back()
    {
        var injected = Given.Injected(Given.Pod());
        Hook(injected)["httpGet"]!["scheme"] = "HTTP";
        JsonPatch.Apply(injected, PodInjector.Uninject(injected).Patch);

        Assert.Equal(Given.Pod(), injected, Given.SameJson);
    }

    [Fact]
    public void Grace_that_is_to_be_kept_is_kept_with_a_warning()
    {
        var pod = Given.Injected(Given.Pod("{drainproxy.io/lb: alb, drainproxy.io/grace-mode: keep}"), out var warnings);

        Assert.Equal("30s", Variable(pod, "GRACE"));
        Assert.StartsWith("terminationGracePeriodSeconds 30 is kept", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{sleep: {seconds: 5}}", 5)]
    [InlineData("{exec: {command: [sleep, '7']}}", 7)]
    [InlineData("{exec: {command: [/bin/sleep, 8s]}}", 8)]
    [InlineData("{exec: {command: [sh, -c, sleep 9]}}", 9)]
    [InlineData("{exec: {command: [/bin/bash, -ec, 'sleep 1 && sleep 2; exec sleep 0.5m']}}", 33)]
    [InlineData("{exec: {command: [sh, -c, '/deregister; sleep 9']}}", null)]
    [InlineData("{exec: {command: [sh, -c, 'sleep $DELAY']}}", null)]
    [InlineData("{exec: {command: [sleep]}}", null)]
    [InlineData("{exec: {command: [python, -c, 'sleep 5']}}", null)]
    [InlineData("{exec: {}}", null)]
    public void Sleeps_are_seen_in_every_form(string hook, int? seconds)
    {
        var (kind, sleep) = Hooks.PreStop(Given.Json($"lifecycle: {{preStop: {hook}}}"));

        Assert.Equal(seconds is null ? HookKind.Exec : HookKind.Sleep, kind);
        Assert.Equal(seconds ?? 0, sleep.TotalSeconds);
    }

    [Fact]
    public void A_sleep_longer_than_the_presets_linger_becomes_the_linger()
    {
        var pod = Given.Injected(Given.Pod(spec: "terminationGracePeriodSeconds: 60", container: "lifecycle: {preStop: {exec: {command: [sleep, '40']}}}"), out var warnings);

        Assert.Equal("40s", Variable(pod, "LINGER"));
        Assert.Equal("/drain/wait", Hook(pod)["httpGet"]!["path"].AsText());
        Assert.Empty(warnings);
    }

    [Theory]
    [InlineData("drainproxy.io/linger: 10s", 20)]
    [InlineData("", 300)]
    public void A_sleep_that_linger_does_not_cover_is_left_with_a_warning(string annotation, int seconds)
    {
        var pod = Given.Injected(Given.Pod(annotation, container: $"lifecycle: {{preStop: {{sleep: {{seconds: {seconds}}}}}}}"), out var warnings);

        Assert.True(Hook(pod).ContainsKey("sleep"));
        Assert.Contains($"sleep of {seconds} s", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Hooks_that_are_to_be_kept_are_kept()
    {
        var pod = Given.Injected(Given.Pod("drainproxy.io/prestop: keep", container: "lifecycle: {preStop: {httpGet: {path: /bye, port: http}}}"), out var warnings);

        Assert.Equal("""{"path":"/bye","port":3000}""", Hook(pod)["httpGet"]!.ToJsonString());
        Assert.Empty(warnings);
    }

    [Fact]
    public void A_replaced_httpGet_is_kept_in_the_status()
    {
        var pod = Given.Injected(Given.Pod(container: "lifecycle: {preStop: {httpGet: {path: /bye, port: 3000}}}"));
        var status = JsonNode.Parse(pod["metadata"]!["annotations"]!["drainproxy.io/status"].AsText()!)!;

        Assert.Equal("/bye", status["preStop"]!["shop"]!["httpGet"]!["path"].AsText());
    }

    [Theory]
    [InlineData("{path: /bye, port: 3000}", "http://127.0.0.1:3000/bye")]
    [InlineData("{path: /bye, port: '3000'}", "http://127.0.0.1:3000/bye")]
    [InlineData("{path: /bye, port: http}", "http://127.0.0.1:3000/bye")]
    [InlineData("{path: 'bye?all=1&x=a b', port: ops, scheme: HTTPS}", "https://127.0.0.1:9000/bye?all=1&x=a%20b")]
    [InlineData("{port: ops}", "http://127.0.0.1:9000/")]
    [InlineData("{path: /ü%2F, port: ops}", "http://127.0.0.1:9000/%C3%BC%2F")]
    [InlineData("{path: /bye, port: ops, httpHeaders: [{name: Host, value: shop}, {name: X-Token, value: $(SECRET)}]}", "http://127.0.0.1:9000/bye\nHost: shop\nX-Token: $$(SECRET)")]
    public void A_replaced_httpGet_is_the_sidecars_to_call(string hook, string expected)
    {
        var pod = Given.Injected(
            Given.Pod(container: $"{{ports: [{{name: http, containerPort: 3000}}, {{name: ops, containerPort: 9000}}], lifecycle: {{preStop: {{httpGet: {hook}}}}}}}"), out var warnings);

        Assert.Equal(expected, Variable(pod, "APP_PRESTOP"));
        Assert.Contains("DrainProxy calls the old one after the drain", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void With_the_number_taken_over_the_hook_goes_where_the_app_is_now()
    {
        var pod = Given.Injected(Given.Pod("drainproxy.io/takeover: port-env", container: "lifecycle: {preStop: {httpGet: {path: /bye, port: 3000}}}"));

        Assert.Equal("http://127.0.0.1:13000/bye", Variable(pod, "APP_PRESTOP"));
    }

    [Theory]
    [InlineData("{path: /bye, port: 3000, host: example.org}")]
    [InlineData("{path: /bye, port: nobody}")]
    [InlineData("{path: /bye}")]
    [InlineData("{path: /bye, port: 70000}")]
    [InlineData("{path: /bye, port: 3000, httpHeaders: [{name: X, value: \"a\\nb\"}]}")]
    public void A_hook_that_only_the_kubelet_can_call_is_told(string hook)
    {
        var pod = Given.Injected(Given.Pod(container: $"lifecycle: {{preStop: {{httpGet: {hook}}}}}"), out var warnings);

        Assert.Null(Variable(pod, "APP_PRESTOP"));
        Assert.Contains("nobody calls the old one any more", Assert.Single(warnings), StringComparison.Ordinal);
        JsonPatch.Apply(pod, PodInjector.Uninject(pod).Patch);
        Assert.Equal(Given.Pod(container: $"lifecycle: {{preStop: {{httpGet: {hook}}}}}"), pod, Given.SameJson);
    }

    [Fact]
    public void Sidecar_meets_Pod_Security_restricted_and_takes_the_apps_user()
    {
        var security = Sidecar(Given.Injected(Given.Pod(spec: "securityContext: {runAsUser: 1000}")))["securityContext"]!;

        Assert.Equal(1000, security["runAsUser"].AsWhole());
        Assert.Equal(
            """{"runAsNonRoot":true,"runAsUser":1000,"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}""",
            security.ToJsonString());
        Assert.Equal(1654, Sidecar(Given.Injected(Given.Pod(container: "securityContext: {runAsUser: 0}")))["securityContext"]!["runAsUser"].AsWhole());
    }

    [Theory]
    [InlineData("{limits: {cpu: 1, memory: 1Gi}}", true)]
    [InlineData("{limits: {cpu: '1', memory: 1Gi}, requests: {cpu: 1000m, memory: 1024Mi}}", true)]
    [InlineData("{limits: {cpu: 1, memory: 1Gi}, requests: {cpu: 500m}}", false)]
    [InlineData("{limits: {memory: 1Gi}}", false)]
    [InlineData("{}", false)]
    public void A_guaranteed_pod_stays_one(string resources, bool guaranteed)
    {
        var pod = Given.Pod(container: "resources: " + resources);

        Assert.Equal(guaranteed, PodTraits.IsGuaranteed(pod));
        Assert.Equal(guaranteed, PodTraits.IsGuaranteed(Given.Injected(pod)));
    }

    [Fact]
    public void Process_namespace_is_shared_unless_somebody_says_no()
    {
        Assert.True(Given.Injected(Given.Pod())["spec"]!.AsObject().Flag("shareProcessNamespace"));
        Assert.Null(Given.Injected(Given.Pod("drainproxy.io/memory: 'off'"))["spec"]!["shareProcessNamespace"]);
        Assert.False(Given.Injected(Given.Pod(spec: "shareProcessNamespace: false"))["spec"]!.AsObject().Flag("shareProcessNamespace"));
        Assert.Null(Given.Injected(Given.Pod(spec: "hostPID: true"))["spec"]!["shareProcessNamespace"]);
    }

    [Fact]
    public void The_number_is_taken_over_with_an_environment_variable()
    {
        var pod = Given.Injected(Given.Pod("drainproxy.io/takeover: port-env", container: "readinessProbe: {httpGet: {port: 3000}}"));
        var app = pod["spec"]!["containers"]![0]!;

        Assert.Equal("0.0.0.0:3000", Variable(pod, "LISTEN"));
        Assert.Equal("http://127.0.0.1:13000", Variable(pod, "APP"));
        Assert.Equal("""[{"name":"PORT","value":"13000"}]""", app["env"]!.ToJsonString());
        Assert.Equal(13000, app["readinessProbe"]!["httpGet"]!["port"].AsWhole());
        Assert.Equal("""[{"name":"app-http","containerPort":13000}]""", app["ports"]!.ToJsonString());
    }

    private static string ListOfSidecar(JsonObject pod) =>
        new[] { "containers", "initContainers" }.Single(list => pod.Object("spec").Objects(list).Any(c => c.Text("name") == "drainproxy"));

    private static JsonObject Sidecar(JsonObject pod) => pod.Object("spec").Objects(ListOfSidecar(pod)).Single(c => c.Text("name") == "drainproxy");

    private static string? Variable(JsonObject pod, string name) => Sidecar(pod).Objects("env").FirstOrDefault(e => e.Text("name") == "DRAINPROXY_" + name).Text("value");

    private static JsonObject Hook(JsonObject pod) => pod.Object("spec").Objects("containers").Single(c => c.Text("name") == "shop").Object("lifecycle").Object("preStop")!;
}
