using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Kubernetes.Tests.Injection;

/// <summary>Pods of all shapes: what the injection reads may be there, missing, null, or odd; what it does not read is there too.</summary>
internal static class PodGenerator
{
    private static readonly Gen<string> PortNames = Gen.Elements("http", "web", "grpc", "metrics", "a-long-web-port", "drainproxy", "app-http", "app-web");

    public static Gen<JsonObject> Pods =>
        from annotations in Maybe(Annotations)
        from labels in Maybe(Gen.Constant<JsonNode>(new JsonObject { ["app"] = "shop" }))
        from metadata in Gen.Frequency((8, Gen.Constant(0)), (1, Gen.Constant(1)))
        from containers in Gen.Choose(1, 3).SelectMany(n => Containers("c", n))
        from inits in Maybe(Gen.Choose(0, 2).SelectMany(n => Containers("i", n)))
        from grace in Maybe(Gen.Elements(0, 5, 30, 75, 600).Select(n => (JsonNode)n))
        from share in Maybe(Gen.Elements(true, false).Select(b => (JsonNode)b))
        from hostPid in Maybe(Gen.Elements(true, false).Select(b => (JsonNode)b))
        from host in Gen.Frequency((15, Gen.Constant(false)), (1, Gen.Constant(true)))
        from whole in Maybe(Gen.Elements("""{"limits":{"cpu":"100m","memory":"128Mi"}}""", """{"requests":{"cpu":1}}""", "{}").Select(t => JsonNode.Parse(t)!))
        from restart in Gen.Elements(null, "Always", "Never")
        from extra in Unknown
        select Put(
            Put([], "metadata", metadata == 1 ? null : (true, Put(Put(Put([], "annotations", annotations), "labels", labels), "x", (true, extra)))),
            "spec",
            (true, Put(Put(Put(Put(Put(Put(Put(Put(Put([], "resources", whole), "containers", (true, containers)), "initContainers", inits), "terminationGracePeriodSeconds", grace),
                "shareProcessNamespace", share), "hostPID", hostPid), "hostNetwork", host ? (true, true) : null), "restartPolicy", restart is null ? null : (true, restart)),
                "unknown", (true, extra))));

    /// <summary>Annotations alone.</summary>
    public static Gen<JsonObject> Annotated => Annotations.Select(a => (JsonObject)a);

    private static Gen<JsonNode> Annotations =>
        from chosen in Gen.SubListOf<(string Key, string Value)>(
        [
            ("lb", "alb"), ("takeover", "port-env"), ("grace-mode", "keep"), ("linger", "12s"), ("memory", "off"), ("native-sidecar", "false"), ("prestop", "keep"),
            ("app-port", "3000"), ("app-port", "web"), ("port-name", "web"), ("drain-timeout", "40s"), ("resources", "cpu=1"), ("unknown", "x"), ("lb", "bad"),
        ])
        from other in Gen.Elements(true, false)
        select (JsonNode)new JsonObject(chosen.DistinctBy(c => c.Key).Select(c => KeyValuePair.Create("drainproxy.io/" + c.Key, (JsonNode?)c.Value))
            .Concat(other ? [KeyValuePair.Create("kubectl.kubernetes.io/default-container", (JsonNode?)"mine")] : []));

    private static Gen<JsonNode> Unknown => Gen.Elements<JsonNode>(1, "a", true, new JsonObject { ["deep"] = new JsonArray(1, null, "~/x") }, new JsonArray())
        .Select(n => n.DeepClone());

    private static Gen<JsonNode> Containers(string prefix, int count) =>
        Gen.CollectToList(Enumerable.Range(0, count), i => Container(i == 2 ? "istio-proxy" + (prefix == "c" ? "" : "-i") : $"{prefix}{i}")).Select(all => (JsonNode)new JsonArray([.. all]));

    private static Gen<JsonObject> Container(string name) =>
        from ports in Maybe(Ports)
        from probe in Maybe(PortReference)
        from preStop in Maybe(Hook)
        from lifecycle in Gen.Elements(0, 1, 2)
        from env in Maybe(Gen.Elements("""[{"name":"PORT","value":"1"}]""", """[{"name":"PORT","valueFrom":{"x":1}}]""", "[]").Select(t => JsonNode.Parse(t)!))
        from limits in Maybe(Gen.Constant("""{"limits":{"cpu":1,"memory":"1Gi"}}""").Select(t => JsonNode.Parse(t)!))
        from extra in Unknown
        select Put(Put(Put(Put(Put(Put(new JsonObject { ["name"] = name }, "ports", ports), "readinessProbe", probe),
            "lifecycle", lifecycle == 0 ? null : (true, lifecycle == 1 ? null : Put([], "preStop", preStop))), "env", env), "resources", limits), "zzz", (true, extra));

    private static Gen<JsonNode> Ports =>
        from count in Gen.Choose(0, 2)
        from names in Gen.ListOf(PortNames, 2)
        from named in Gen.ListOf(Gen.Elements(true, false), 2)
        from numbers in Gen.ListOf(Gen.Elements<object?>(80, 3000, 8080, 9180, 15080, 15090, 65000, 0, 70_000, "80", null), 2)
        from host in Maybe(Gen.Constant<JsonNode>(80))
        from protocol in Gen.Elements(null, "TCP", "UDP")
        select (JsonNode)new JsonArray([.. Enumerable.Range(0, count).Where(i => i == 0 || names[0] != names[1]).Select(i =>
            (JsonNode)Put(Put(Put(new JsonObject { ["containerPort"] = JsonSerializer.SerializeToNode(numbers[i]) }, "hostPort", host), "name", named[i] ? (true, names[i]) : null), "protocol", protocol is null ? null : (true, protocol)))]);

    private static Gen<JsonNode> PortReference =>
        from port in Gen.OneOf(PortNames.Select(n => (JsonNode)n), Gen.Elements<JsonNode>(3000, 8080, "3000"))
        from action in Gen.Elements("httpGet", "tcpSocket")
        select (JsonNode)new JsonObject { [action] = new JsonObject { ["port"] = port.DeepClone(), ["path"] = "/" } };

    private static Gen<JsonNode> Hook => Gen.OneOf(
        PortReference,
        Gen.Elements("""{"httpGet":{"port":3000,"path":"bye?x=\n#","httpHeaders":[{"name":"Host","value":"$(A)"}]}}""", """{"httpGet":{"port":"web","scheme":"HTTPS","httpHeaders":null}}""",
            """{"httpGet":{"host":"example.org","port":80}}""", """{"httpGet":{}}""").Select(t => JsonNode.Parse(t)!),
        Gen.Elements("""{"sleep":{"seconds":5}}""", """{"exec":{"command":["sleep","20"]}}""", """{"exec":{"command":["sh","-c","/bye; sleep 1"]}}""", "{}", """{"exec":{}}""")
            .Select(t => JsonNode.Parse(t)!));

    /// <summary>There, null, or missing.</summary>
    private static Gen<(bool, JsonNode?)?> Maybe(Gen<JsonNode> value) => Gen.Frequency(
        (4, value.Select(v => ((bool, JsonNode?)?)(true, v.DeepClone()))),
        (1, Gen.Constant<(bool, JsonNode?)?>((true, null))),
        (2, Gen.Constant<(bool, JsonNode?)?>(null)));

    private static JsonObject Put(JsonObject into, string key, (bool, JsonNode?)? value)
    {
        if (value is { } given) into[key] = given.Item2?.DeepClone();
        return into;
    }
}
