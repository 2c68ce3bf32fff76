using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>
/// Puts the sidecar into a pod, and takes it out. Pure: pod in, patch out, the same bytes for the same input; on its own output it changes nothing,
/// since it undoes first what it did before. The commands and the webhook share it.
/// </summary>
public static class PodInjector
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The patch that puts the sidecar in, or the reason why the pod stays as it is. Neither argument is changed.</summary>
    /// <param name="pod">An object with the metadata and spec of a pod.</param>
    public static InjectionResult Inject(JsonObject pod, InjectionRequest request)
    {
        var original = (JsonObject)pod.DeepClone();
        if (Restored(original) is { } unreadable) return InjectionResult.Skip(unreadable);
        if (PodTraits.Refusal(original) is { } refusal) return InjectionResult.Skip(refusal);

        var options = PodOptions.Read(original.Object("metadata").Object("annotations"));
        if (options.Errors.Count > 0) return InjectionResult.Skip(string.Join("; ", options.Errors), options.Warnings);
        var ports = new PodPorts(original, request.Services);
        if (ports.Apps.Count == 0) return InjectionResult.Skip("no port found: all its containers are proxies of a mesh", options.Warnings);
        var (port, problem) = ports.Find(options);
        if (port is null)
            return InjectionResult.Skip(problem ?? $"no port found: no container declares a TCP port; name one in annotation {InjectionNames.Prefix}app-port", options.Warnings);
        var native = options.Native ?? request.Version.HasNativeSidecars;
        if (!native && PodTraits.RunsToCompletion(original))
            return InjectionResult.Skip("a plain sidecar would keep it from completing: native sidecars (Kubernetes 1.29) do not", options.Warnings);

        var injection = new SidecarInjection(original, options, ports, port, native, request);
        if (injection.Run() is { } unfit) return InjectionResult.Skip(unfit, options.Warnings);
        return new(JsonPatch.Between(pod, original), null, injection.Warnings);
    }

    /// <summary>The patch that takes the sidecar out and restores what was there before.</summary>
    public static InjectionResult Uninject(JsonObject pod)
    {
        var restored = (JsonObject)pod.DeepClone();
        if (!HasStatus(restored)) return InjectionResult.Skip("not injected: it has no annotation " + InjectionNames.Status);
        return Restored(restored) is { } unreadable ? InjectionResult.Skip(unreadable) : new(JsonPatch.Between(pod, restored), null, []);
    }

    private static bool HasStatus(JsonObject pod) => pod.Object("metadata").Object("annotations")?.ContainsKey(InjectionNames.Status) == true;

    /// <summary>Undoes an earlier injection, if there was one; else what hinders it.</summary>
    private static string? Restored(JsonObject pod)
    {
        if (!HasStatus(pod)) return null;
        var annotations = pod.Object("metadata").Object("annotations")!;
        try
        {
            if (annotations.Text(InjectionNames.Status) is { } text && JsonNode.Parse(text, documentOptions: Strict) is JsonObject { } parsed && parsed["undo"] is JsonArray undo)
            {
                annotations.Remove(InjectionNames.Status);
                PodEditor.Restore(pod, undo);
                return null;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, or a string in it that is no text: told below.
        }

        return $"annotation {InjectionNames.Status} cannot be read: take the sidecar out by hand";
    }
}
