using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;

namespace DrainProxy.Kubernetes.Tests.Webhook;

/// <summary>Reviews as an API server 1.31 writes them, and the parts of answers.</summary>
internal static class GivenReview
{
    public const string Uid = "705ab4f5-6393-11e8-b7cc-42010a800002";

    /// <summary>The creation of a pod by a ReplicaSet: no name yet, all fields that the API server sends.</summary>
    public static JsonObject Of(JsonObject pod, bool dryRun = false)
    {
        var sent = (JsonObject)pod.DeepClone();
        sent["apiVersion"] = "v1";
        sent["kind"] = "Pod";
        var metadata = sent["metadata"]!.AsObject();
        metadata["generateName"] = "shop-7d4b9c6f5d-";
        metadata["creationTimestamp"] = null;
        sent["status"] = new JsonObject();
        return new()
        {
            ["kind"] = "AdmissionReview",
            ["apiVersion"] = "admission.k8s.io/v1",
            ["request"] = new JsonObject
            {
                ["uid"] = Uid,
                ["kind"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["kind"] = "Pod" },
                ["resource"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["resource"] = "pods" },
                ["requestKind"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["kind"] = "Pod" },
                ["requestResource"] = new JsonObject { ["group"] = "", ["version"] = "v1", ["resource"] = "pods" },
                ["namespace"] = "shop",
                ["operation"] = "CREATE",
                ["userInfo"] = new JsonObject { ["username"] = "system:serviceaccount:kube-system:replicaset-controller" },
                ["object"] = sent,
                ["oldObject"] = null,
                ["dryRun"] = dryRun,
                ["options"] = new JsonObject { ["kind"] = "CreateOptions", ["apiVersion"] = "meta.k8s.io/v1" },
            },
        };
    }

    public static byte[] Bytes(JsonNode review) => Encoding.UTF8.GetBytes(review.ToJsonString());

    /// <summary>The response of an answer, checked for what the API server asks of every one.</summary>
    public static JsonObject Response(byte[] body, string uid = Uid)
    {
        var review = JsonNode.Parse(body)!.AsObject();
        Assert.Equal("admission.k8s.io/v1", (string?)review["apiVersion"]);
        Assert.Equal("AdmissionReview", (string?)review["kind"]);
        var response = review["response"]!.AsObject();
        Assert.Equal(uid, (string?)response["uid"]);
        Assert.True((bool)response["allowed"]!);
        // Both or neither, else the API server refuses the answer.
        Assert.Equal(response.ContainsKey("patch"), (string?)response["patchType"] == "JSONPatch");
        Assert.All(Warnings(response), w => Assert.True(w.Length is > 0 and <= 120 && !w.Any(char.IsControl), w));
        return response;
    }

    public static List<string> Warnings(JsonObject response) => [.. (response["warnings"] as JsonArray ?? []).Select(w => (string)w!)];

    /// <summary>The object of a review after the patch of an answer to it.</summary>
    public static JsonObject Patched(JsonObject review, JsonObject response)
    {
        var pod = (JsonObject)review["request"]!["object"]!.DeepClone();
        if (response["patch"] is { } patch) JsonPatch.Apply(pod, JsonNode.Parse(Convert.FromBase64String((string)patch!))!.AsArray());
        return pod;
    }
}
