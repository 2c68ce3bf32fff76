using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>
/// Resources of the pod as a whole (`spec.resources`, Kubernetes 1.34). The API server refuses a pod whose containers ask for more together, or one of
/// them is allowed more, than the pod; so the sidecar's part is added to the pod's.
/// </summary>
internal static class PodResources
{
    /// <summary>Both empty counts as none, as the API server sees it.</summary>
    public static JsonObject? Of(JsonObject pod) =>
        pod.Object("spec").Object("resources") is { } own && (own.Object("requests") is { Count: > 0 } || own.Object("limits") is { Count: > 0 }) ? own : null;

    /// <param name="sidecar">`resources` of the sidecar.</param>
    public static void MakeRoom(JsonObject pod, JsonObject sidecar, PodEditor edit)
    {
        if (Of(pod) is not { } own) return;
        foreach (var list in (string[])["requests", "limits"])
        {
            foreach (var resource in (string[])["cpu", "memory"])
            {
                // Without a limit of its own the sidecar still has to fit with what it asks for.
                var part = Quantity.Of(sidecar.Object(list)?[resource] ?? sidecar.Object("requests")?[resource]);
                if (Quantity.Of(own.Object(list)?[resource]) is { } given && part is { } more) edit.Set(Text(resource, given + more), "spec", "resources", list, resource);
            }
        }
    }

    private static string Text(string resource, decimal amount) => resource == "cpu" ? Quantity.Milli(amount) : Quantity.Bytes(amount);
}
