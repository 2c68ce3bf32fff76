using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>Injection into all pods of some manifests, in place; what is to be told stands in <see cref="Notes"/>.</summary>
public sealed class ManifestInjection
{
    private readonly IReadOnlyList<KubeObject> objects;

    public ManifestInjection(IEnumerable<Manifest> manifests) => objects = [.. manifests.SelectMany(KubeObject.In)];

    /// <summary>`skipped Kind/name: reason` and `warning Kind/name: text`, in the order of the input.</summary>
    public List<string> Notes { get; } = [];

    /// <param name="request">Its Services are not looked at: those of the manifests are.</param>
    public void Inject(InjectionRequest request)
    {
        var services = objects.Where(o => o is { Kind: "Service", Group: "" }).ToLookup(o => o.Namespace, o => o.Json);
        Each((o, pod) => PodInjector.Inject(pod, request with { Services = [.. services[o.Namespace]] }));
    }

    public void Uninject() => Each((_, pod) => PodInjector.Uninject(pod));

    private void Each(Func<KubeObject, JsonObject, InjectionResult> change)
    {
        foreach (var found in objects.Where(o => o.PodPath is not null))
        {
            if (found.Pod is not { } pod)
            {
                Note($"skipped {found.Kind}/{found.Name}: it has no {found.PodPath}");
                continue;
            }

            var result = change(found, pod);
            JsonPatch.Apply(pod, result.Patch);
            foreach (var warning in result.Warnings) Note($"warning {found.Kind}/{found.Name}: {warning}");
            if (result.Skipped is { } reason) Note($"skipped {found.Kind}/{found.Name}: {reason}");
        }
    }

    private void Note(string text) => Notes.Add(Printable.Of(text));
}
