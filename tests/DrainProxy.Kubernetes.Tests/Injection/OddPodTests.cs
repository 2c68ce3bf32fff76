using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Injection;

/// <summary>Pods that the API server would take, or refuse, and that few people write.</summary>
public sealed class OddPodTests
{
    private const string Status = InjectionNames.Status;

    [Theory]
    [InlineData("ports: [{name: http, containerPort: '3000'}]", "no port found")]
    [InlineData("ports: [{name: http, containerPort: 0}]", "no port found")]
    [InlineData("ports: [{name: http, containerPort: 4294970296}]", "no port found")]
    [InlineData("ports: [{name: http}]", "no port found")]
    [InlineData("ports: [{name: http, containerPort: null}]", "no port found")]
    [InlineData("securityContext: {windowsOptions: {hostProcess: true}}", "Windows")]
    public void A_container_that_cannot_be_served_is_skipped_with_a_reason(string container, string reason) => Skipped(Given.Pod(container: container), reason);

    [Theory]
    [InlineData("nodeSelector: {beta.kubernetes.io/os: windows}")]
    [InlineData("securityContext: {windowsOptions: {hostProcess: true}}")]
    [InlineData("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [windows]}]}]}}}")]
    public void Windows_pods_are_known_by_their_nodes_too(string spec) => Skipped(Given.Pod(spec: spec), "Windows");

    [Theory]
    [InlineData("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: NotIn, values: [windows]}]}]}}}")]
    [InlineData("affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}")]
    [InlineData("securityContext: {windowsOptions: {}}")]
    public void A_pod_that_only_speaks_of_windows_is_injected(string spec) => Given.Injected(Given.Pod(spec: spec));

    [Fact]
    public void A_host_port_that_is_null_is_none()
    {
        Given.Injected(Given.Pod(container: "ports: [{name: http, containerPort: 3000, hostPort: null}]"), out var none);
        Given.Injected(Given.Pod("drainproxy.io/takeover: port-env", container: "ports: [{name: http, containerPort: 3000, hostPort: 80}]"), out var one);

        Assert.Empty(none);
        Assert.Contains("hostPort 80 of container shop", Assert.Single(one), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("'{\"undo\":[],\"undo\":[]}'")]
    [InlineData("'{\"undo\":[{\"path\":[\"\\ud800\"]}]}'")]
    [InlineData("'{\"undo\":5}'")]
    [InlineData("'x{'")]
    [InlineData("5")]
    [InlineData("null")]
    public void A_status_that_cannot_be_read_is_left_and_told(string status)
    {
        var pod = Given.Pod($"{Status}: {status}");

        Skipped(pod, $"annotation {Status} cannot be read");
        Assert.Contains("cannot be read", PodInjector.Uninject(pod).Skipped, StringComparison.Ordinal);
    }

    [Fact]
    public void No_two_ports_of_the_pod_have_one_name()
    {
        var pod = Given.Injected(Given.Pod(container: "ports: [{name: http, containerPort: 3000}, {name: drainproxy, containerPort: 3001}]"));

        var names = pod.Object("spec").Objects("containers").Concat(pod.Object("spec").Objects("initContainers")).SelectMany(c => c.Objects("ports")).Select(p => p.Text("name"));
        Assert.Equal(["app-http", "drainproxy", "drainproxy2", "http"], names.Order(StringComparer.Ordinal));
    }

    /// <summary>Of two the kubelet takes the last, a reader the first.</summary>
    [Fact]
    public void A_variable_that_is_set_twice_is_not_changed() =>
        Skipped(Given.Pod("drainproxy.io/takeover: port-env", container: "env: [{name: PORT, value: '1'}, {name: PORT, value: '2'}]"), "PORT of container shop is set more than once");

    /// <summary>Rules of the API server (validatePodResources): containers together ask for no more than the pod, and none is allowed more than it.</summary>
    [Theory]
    [InlineData("{limits: {cpu: 100m, memory: 128Mi}}", """{"limits":{"cpu":"350m","memory":"384Mi"}}""")]
    [InlineData("{requests: {cpu: 1, memory: 100M}}", """{"requests":{"cpu":"1050m","memory":"167108864"}}""")]
    [InlineData("{requests: {cpu: 1500m}, limits: {memory: 1Gi}}", """{"requests":{"cpu":"1550m"},"limits":{"memory":"1280Mi"}}""")]
    [InlineData("{requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}", """{"requests":{"cpu":"1250m","memory":"1280Mi"},"limits":{"cpu":"1250m","memory":"1280Mi"}}""")]
    [InlineData("{limits: {hugepages-2Mi: 4Mi, cpu: odd}}", """{"limits":{"hugepages-2Mi":"4Mi","cpu":"odd"}}""")]
    [InlineData("{}", "{}")]
    public void Resources_of_the_pod_as_a_whole_get_room_for_the_sidecar(string resources, string raised)
    {
        var pod = Given.Pod(spec: "resources: " + resources);
        var injected = Given.Injected(pod);
        var back = (JsonObject)injected.DeepClone();
        JsonPatch.Apply(back, PodInjector.Uninject(injected).Patch);

        Assert.Equal(raised, injected["spec"]!["resources"]!.ToJsonString());
        Assert.Equal(PodTraits.IsGuaranteed(pod), PodTraits.IsGuaranteed(injected));
        Assert.Equal(pod, back, Given.SameJson);
    }

    [Theory]
    [InlineData("apiVersion: apps/v1\nkind: DeploymentList", "spec: {template: POD}")]
    [InlineData("apiVersion: batch/v1\nkind: CronJobList", "spec: {jobTemplate: {spec: {template: POD}}}")]
    [InlineData("apiVersion: v1\nkind: PodList", "spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}")]
    public void Items_of_typed_lists_need_no_kind_and_version_of_their_own(string list, string item)
    {
        var manifests = Given.Manifests($"{list}\nitems:\n- metadata: {{name: a}}\n  {item.Replace("POD", "{spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}}", StringComparison.Ordinal)}\n");
        var injection = new ManifestInjection(manifests);
        injection.Inject(InjectionRequest.Default);

        Assert.Empty(injection.Notes);
        Assert.Contains("name: drainproxy", ManifestWriter.Write(manifests), StringComparison.Ordinal);
    }

    private static void Skipped(JsonObject pod, string reason)
    {
        var result = PodInjector.Inject(pod, InjectionRequest.Default);

        Assert.Contains(reason, result.Skipped, StringComparison.Ordinal);
        Assert.Empty(result.Patch);
    }
}
