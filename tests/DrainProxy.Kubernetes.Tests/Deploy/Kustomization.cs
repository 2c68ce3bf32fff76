using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Injection;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Tests.Deploy;

/// <summary>
/// Renders what the overlays use of kustomize: resources, JSON patches by kind and name, and `$patch: delete`. Most tests do without kubectl; one
/// compares the two. What is not known here is an error, not left out.
/// </summary>
internal static class Kustomization
{
    private static readonly string[] Known = ["apiVersion", "kind", "resources", "patches"];

    public static List<JsonObject> Render(string folder)
    {
        var file = Read(Path.Combine(folder, "kustomization.yaml"))[0];
        Assert.Empty(file.Select(member => member.Key).Except(Known));
        var objects = file["resources"]!.AsArray().Select(r => Path.Combine(folder, (string)r!)).SelectMany(path => Directory.Exists(path) ? Render(path) : Read(path)).ToList();
        foreach (var patch in file.Objects("patches")) Apply(patch, objects);
        return objects;
    }

    private static void Apply(JsonObject patch, List<JsonObject> objects)
    {
        var (kind, name) = (patch.Object("target").Text("kind"), patch.Object("target").Text("name"));
        Assert.Equal(2, patch.Object("target")!.Count);
        var target = Assert.Single(objects, o => o.Text("kind") == kind && o.Object("metadata").Text("name") == name);
        // A JSON patch is a list, which is no document of a manifest by itself.
        var text = patch.Text("patch")!;
        if (text.TrimStart().StartsWith("- ", StringComparison.Ordinal)) JsonPatch.Apply(target, Given.Json("patch:\n" + text)["patch"]!.AsArray());
        else if (Given.Json(text).Text("$patch") == "delete") objects.Remove(target);
        else Assert.Fail($"a patch that this renderer does not know: {text}");
    }

    private static List<JsonObject> Read(string file) => [.. Given.Manifests(File.ReadAllText(file)).Select(m => m.Root)];
}
