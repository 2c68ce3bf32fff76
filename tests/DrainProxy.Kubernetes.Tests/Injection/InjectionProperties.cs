using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Kubernetes.Tests.Injection;

/// <summary>What holds for every pod, however odd.</summary>
public sealed class InjectionProperties
{
    private static readonly InjectionRequest Request = InjectionRequest.Default with
    {
        Services = [Given.Json("{metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80, targetPort: web}]}}")],
    };

    [Fact]
    public void Injecting_twice_changes_nothing() => Holds(pod =>
    {
        var once = After(pod, PodInjector.Inject(pod, Request));
        return PodInjector.Inject(once, Request) is { Patch.Count: 0 };
    });

    [Fact]
    public void Uninject_restores_the_pod() => Holds(pod =>
    {
        var result = PodInjector.Inject(pod, Request);
        if (result.Skipped is not null) return result.Patch.Count == 0;
        var injected = After(pod, result);
        return JsonNode.DeepEquals(pod, After(injected, PodInjector.Uninject(injected)));
    });

    [Fact]
    public void Same_input_gives_the_same_bytes_and_the_input_stays() => Holds(pod =>
    {
        var before = pod.ToJsonString();
        var first = PodInjector.Inject(pod, Request).Patch.ToJsonString();
        return first == PodInjector.Inject((JsonObject)pod.DeepClone(), Request).Patch.ToJsonString() && pod.ToJsonString() == before;
    });

    [Fact]
    public void Unknown_fields_survive() => Holds(pod =>
    {
        var after = After(pod, PodInjector.Inject(pod, Request));
        return JsonNode.DeepEquals(pod["spec"]!["unknown"], after["spec"]!["unknown"])
            && Containers(pod).All(c => JsonNode.DeepEquals(c["zzz"], Containers(after).Single(a => a.Text("name") == c.Text("name"))["zzz"]));
    });

    [Fact]
    public void Ports_and_names_are_the_sidecars_alone() => Holds(pod =>
    {
        // Two containers with one number cannot run, and taking the number over does not mend them.
        if (pod["metadata"]?["annotations"]?["drainproxy.io/takeover"] is not null) return true;
        var result = PodInjector.Inject(pod, Request);
        if (result.Skipped is not null) return true;
        var after = After(pod, result);
        var sidecar = Containers(after).Single(c => c.Text("name") == "drainproxy");
        var others = Containers(after).Where(c => c != sidecar).SelectMany(c => c.Objects("ports")).ToList();
        return sidecar.Objects("ports").All(p =>
            others.TrueForAll(o => o.Text("name") != p.Text("name") || p.Text("name") == "drainproxy") && others.TrueForAll(o => o.Whole("containerPort") != p.Whole("containerPort")));
    });

    [Fact]
    public void Each_httpGet_that_is_replaced_is_called_or_told() => Holds(pod =>
    {
        var result = PodInjector.Inject(pod, Request);
        if (result.Skipped is not null) return true;
        var after = After(pod, result);
        var status = JsonNode.Parse(after["metadata"]!["annotations"]!["drainproxy.io/status"].AsText()!)!;
        var replaced = (status["preStop"] as JsonObject)?.Count ?? 0;
        var called = Containers(after).Single(c => c.Text("name") == "drainproxy").Objects("env").FirstOrDefault(e => e.Text("name") == "DRAINPROXY_APP_PRESTOP").Text("value");
        var calls = called?.Split('\n').Count(line => line.StartsWith("http", StringComparison.Ordinal) && line.Contains("://127.0.0.1:", StringComparison.Ordinal)) ?? 0;
        return calls + result.Warnings.Count(w => w.Contains("nobody calls", StringComparison.Ordinal)) == replaced;
    });

    [Fact]
    public void Grace_is_never_lowered() => Holds(pod =>
    {
        var after = After(pod, PodInjector.Inject(pod, Request));
        return GraceBudget.Of(after) >= GraceBudget.Of(pod);
    });

    [Fact]
    public void Another_container_in_between_does_not_disturb_the_way_back() => Holds(pod =>
    {
        var result = PodInjector.Inject(pod, Request);
        if (result.Skipped is not null) return true;
        var (injected, expected) = (After(pod, result), (JsonObject)pod.DeepClone());
        foreach (var each in (JsonObject[])[injected, expected]) each["spec"]!["containers"]!.AsArray().Insert(0, Given.Json("{name: added-by-another-webhook}"));
        return JsonNode.DeepEquals(expected, After(injected, PodInjector.Uninject(injected)));
    });

    private static IEnumerable<JsonObject> Containers(JsonObject pod) => pod.Object("spec").Objects("containers").Concat(pod.Object("spec").Objects("initContainers"));

    private static JsonObject After(JsonObject pod, InjectionResult result)
    {
        var after = (JsonObject)pod.DeepClone();
        JsonPatch.Apply(after, result.Patch);
        return after;
    }

    /// <summary>Annotations of one injection leave nothing behind in the next one.</summary>
    [Fact]
    public void Injecting_with_other_annotations_is_as_if_for_the_first_time() => Check.One(Runs, Prop.ForAll(PodGenerator.Pods.ToArbitrary(), PodGenerator.Annotated.ToArbitrary(), (pod, other) =>
    {
        var first = PodInjector.Inject(pod, Request);
        if (first.Skipped is not null || pod["metadata"] is not JsonObject) return true;
        var (injected, fresh) = (After(pod, first), (JsonObject)pod.DeepClone());
        foreach (var each in (JsonObject[])[injected, fresh])
        {
            var metadata = each["metadata"]!.AsObject();
            if (metadata["annotations"] is not JsonObject) metadata["annotations"] = new JsonObject();
            foreach (var name in metadata["annotations"]!.AsObject().Select(a => a.Key).Where(k => k.StartsWith("drainproxy.io/", StringComparison.Ordinal) && k != "drainproxy.io/status").ToList())
                metadata["annotations"]!.AsObject().Remove(name);
            foreach (var (name, value) in other) metadata["annotations"]![name] = value?.DeepClone();
        }

        var (again, expected) = (PodInjector.Inject(injected, Request), PodInjector.Inject(fresh, Request));
        if (expected.Skipped is not null) return again.Skipped == expected.Skipped;
        return JsonNode.DeepEquals(Settled(After(injected, again)), Settled(After(fresh, expected)));
    }));

    /// <summary>Without the status: what is undone is the same, whether annotations were there before is not.</summary>
    private static JsonObject Settled(JsonObject pod)
    {
        pod["metadata"]!["annotations"]!.AsObject().Remove("drainproxy.io/status");
        return pod;
    }

    /// <summary>PROPERTY_RUNS: more than the 500 of each run, for a search by hand.</summary>
    private static Config Runs => Config.QuickThrowOnFailure.WithMaxTest(int.TryParse(Environment.GetEnvironmentVariable("PROPERTY_RUNS"), out var runs) ? runs : 500);

    private static void Holds(Func<JsonObject, bool> property) => Check.One(Runs, Prop.ForAll(PodGenerator.Pods.ToArbitrary(), property));
}
