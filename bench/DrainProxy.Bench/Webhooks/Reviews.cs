using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DrainProxy.Bench.Webhooks;

/// <summary>Reviews as an API server sends them when a ReplicaSet creates a pod.</summary>
internal static class Reviews
{
    private const int Containers = 3;

    /// <summary>A pod as they are in clusters: three containers with probes, mounts and 40 variables each, managed fields, about 16 KB.</summary>
    public static byte[] Typical() => Of(Pod(""));

    /// <summary>The same pod with an annotation of the size that is missing to <paramref name="bytes"/>.</summary>
    public static byte[] OfSize(int bytes) => Of(Pod(new string('x', bytes - Typical().Length)));

    /// <summary>Ends in the middle, other JSON, no JSON, no text: another one for each number.</summary>
    public static byte[] Malformed(int number)
    {
        var review = Typical();
        return (number % 4) switch
        {
            0 => review[..(number * 37 % review.Length)],
            1 => Encoding.UTF8.GetBytes($"{{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"number\":{number}}}"),
            2 => Encoding.UTF8.GetBytes(new string('[', number % 5000)),
            _ => [.. review[..(number % review.Length)], 0xff, .. review[(number % review.Length)..]],
        };
    }

    private static byte[] Of(JsonObject pod) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["kind"] = "AdmissionReview",
        ["apiVersion"] = "admission.k8s.io/v1",
        ["request"] = new JsonObject
        {
            ["uid"] = "705ab4f5-6393-11e8-b7cc-42010a800002",
            ["kind"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["kind"] = "Pod" },
            ["resource"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["resource"] = "pods" },
            ["namespace"] = "shop",
            ["operation"] = "CREATE",
            ["userInfo"] = new JsonObject { ["username"] = "system:serviceaccount:kube-system:replicaset-controller" },
            ["object"] = pod,
            ["oldObject"] = null,
            ["dryRun"] = false,
        },
    });

    private static JsonObject Pod(string padding) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject
        {
            ["generateName"] = "shop-7d4b9c6f5d-",
            ["labels"] = new JsonObject { ["app"] = "shop", ["pod-template-hash"] = "7d4b9c6f5d" },
            ["annotations"] = new JsonObject { ["padding"] = padding },
            ["managedFields"] = new JsonArray(new JsonObject { ["manager"] = "kube-controller-manager", ["fieldsV1"] = Many("f:field", 60, _ => new JsonObject { ["."] = new JsonObject() }) }),
        },
        ["spec"] = new JsonObject
        {
            ["containers"] = new JsonArray([.. Enumerable.Range(0, Containers).Select(n => (JsonNode)Container(n))]),
            ["volumes"] = new JsonArray(new JsonObject { ["name"] = "data", ["emptyDir"] = new JsonObject() }),
            ["serviceAccountName"] = "shop",
        },
        ["status"] = new JsonObject(),
    };

    private static JsonObject Container(int number) => new()
    {
        ["name"] = $"shop-{number}",
        ["image"] = "registry.example/shop:1.2.3",
        ["env"] = new JsonArray([.. Enumerable.Range(0, 40).Select(n => (JsonNode)new JsonObject { ["name"] = $"SOME_VARIABLE_{n}", ["value"] = $"a value of some length {n}" })]),
        ["ports"] = new JsonArray(new JsonObject { ["name"] = number == 0 ? "http" : $"port-{number}", ["containerPort"] = 3000 + number, ["protocol"] = "TCP" }),
        ["readinessProbe"] = new JsonObject { ["httpGet"] = new JsonObject { ["path"] = "/healthz", ["port"] = number == 0 ? "http" : $"port-{number}", ["scheme"] = "HTTP" }, ["periodSeconds"] = 5 },
        ["lifecycle"] = new JsonObject { ["preStop"] = new JsonObject { ["exec"] = new JsonObject { ["command"] = new JsonArray("sleep", "5") } } },
        ["resources"] = new JsonObject { ["requests"] = new JsonObject { ["cpu"] = "100m", ["memory"] = "128Mi" } },
        ["volumeMounts"] = new JsonArray(new JsonObject { ["name"] = "data", ["mountPath"] = "/data" }),
    };

    private static JsonObject Many(string name, int count, Func<int, JsonNode> value) =>
        new(Enumerable.Range(0, count).Select(n => KeyValuePair.Create($"{name}{n}", (JsonNode?)value(n))));
}
