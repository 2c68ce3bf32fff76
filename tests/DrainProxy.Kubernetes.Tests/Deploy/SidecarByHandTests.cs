using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Deploy;

/// <summary>The manifests that are copied by hand, against what `inject` makes of the same app.</summary>
public sealed class SidecarByHandTests
{
    [Theory]
    [InlineData("native", "1.29", "initContainers")]
    [InlineData("plain", "1.28", "containers")]
    public void By_hand_and_by_command_are_the_same(string name, string version, string list)
    {
        var byHand = Given.Manifests(File.ReadAllText(Path.Combine(Source.Root, "deploy/sidecar", name + ".yaml")))[0].Root["spec"]!["template"]!.AsObject();
        var injected = Given.Injected(Bare(byHand, list), InjectionRequest.Default with { Version = KubernetesVersion.TryParse(version)! });

        foreach (var field in new[] { "terminationGracePeriodSeconds", "shareProcessNamespace" }) Same(byHand["spec"]![field], injected["spec"]![field], field);
        Same(Hook(byHand), Hook(injected), "the app's hook");
        var (ours, theirs) = (Sidecar(byHand, list), Sidecar(injected, list));
        foreach (var field in ours.Select(m => m.Key).Union(theirs.Select(m => m.Key))) Same(ours[field], theirs[field], field);
    }

    /// <summary>The app before there was a sidecar, and what its annotations would say.</summary>
    private static JsonObject Bare(JsonObject byHand, string list)
    {
        var pod = (JsonObject)byHand.DeepClone();
        var spec = pod["spec"]!.AsObject();
        spec[list]!.AsArray().Remove(Sidecar(pod, list));
        spec.Remove("shareProcessNamespace");
        if (spec["initContainers"] is JsonArray { Count: 0 }) spec.Remove("initContainers");
        var app = spec["containers"]![0]!.AsObject();
        app.Remove("lifecycle");
        app["ports"]![0]!["name"] = "http";
        pod["metadata"]!["annotations"] = new JsonObject { ["drainproxy.io/lb"] = "alb" };
        return pod;
    }

    private static JsonObject Sidecar(JsonObject pod, string list) => Assert.Single(pod.Object("spec").Objects(list), c => c.Text("name") == "drainproxy");

    private static JsonNode Hook(JsonObject pod) => pod.Object("spec").Objects("containers").Single(c => c.Text("name") == "shop")["lifecycle"]!;

    /// <summary>Equal but for what Kubernetes (protocol, probes' periods) or the image (`run`) has as its default.</summary>
    private static void Same(JsonNode? byHand, JsonNode? injected, string what)
    {
        var (a, b) = (Plain(byHand, what), Plain(injected, what));
        Assert.True(a == b, $"{what}: by hand {a}, injected {b}");
    }

    private static string Plain(JsonNode? node, string what) => what switch
    {
        "args" => "run",
        "ports" => Text(node!.AsArray().Select(p => With(p, "protocol", "TCP"))),
        "livenessProbe" or "readinessProbe" or "startupProbe" => Text([With(With(node, "periodSeconds", 10), "failureThreshold", 3)]),
        _ => Text([node]),
    };

    private static JsonObject With(JsonNode? node, string name, JsonNode preset)
    {
        var copy = (JsonObject)node!.DeepClone();
        if (!copy.ContainsKey(name)) copy[name] = preset;
        return copy;
    }

    private static string Text(IEnumerable<JsonNode?> nodes) => string.Join(';', nodes.Select(n => Ordered(n)?.ToJsonString()));

    private static JsonNode? Ordered(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, Ordered(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Ordered)]),
        _ => node?.DeepClone(),
    };
}
