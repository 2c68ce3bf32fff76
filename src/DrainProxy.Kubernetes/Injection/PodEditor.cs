using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>
/// Changes a pod and writes down how each change is undone. Items of lists are found by their name, never by their place: another webhook may have
/// put a container in between. A step `name=x` of a path is the item with that name.
/// </summary>
internal sealed class PodEditor(JsonObject pod)
{
    private const string ByName = "name=";

    public JsonObject Pod => pod;

    /// <summary>In the order of the changes; undone in reverse.</summary>
    public JsonArray Undo { get; } = [];

    /// <summary>Sets a field; objects on the way to it are made.</summary>
    public void Set(JsonNode? value, params string[] path)
    {
        var parent = Parent(path);
        Record(parent, path, path);
        // Objects get defaults from the API server, so only plain values tell whether somebody has changed them since.
        if (value is JsonValue) Undo[^1]!["is"] = value.DeepClone();
        parent[path[^1]] = value;
    }

    /// <summary>Takes a field away.</summary>
    public void Remove(params string[] path)
    {
        var parent = Parent(path);
        Record(parent, path, path);
        parent.Remove(path[^1]);
    }

    /// <summary>Sets the name of an item of a list; from here on it is found by the new one.</summary>
    public void Rename(JsonObject item, string newName, params string[] list)
    {
        Record(item, [.. list, "name"], [.. list, ByName + newName, "name"]);
        item["name"] = newName;
    }

    /// <summary>Puts an item with a name into a list, which is made where it is missing. Negative: at the end.</summary>
    public void Insert(JsonObject item, int place, params string[] list)
    {
        var parent = Parent(list);
        if (parent[list[^1]] is not JsonArray items)
        {
            RecordMade(parent, list);
            parent[list[^1]] = items = [];
        }

        if (place < 0) items.Add((JsonNode)item);
        else items.Insert(place, item);
        Undo.Add((JsonNode)new JsonObject { ["path"] = Steps([.. list, ByName + item.Text("name")]) });
    }

    /// <summary>Undoes what was recorded; what is not there any more, or was set to another value since, is left.</summary>
    public static void Restore(JsonObject pod, JsonArray undo)
    {
        foreach (var entry in undo.Reverse().OfType<JsonObject>())
        {
            string[] path = [.. (entry["path"] as JsonArray ?? []).Select(step => step.AsText() ?? "")];
            if (path.Length == 0 || Find(pod, path[..^1]) is not { } parent) continue;
            if (parent is JsonArray items)
            {
                if (Item(items, path[^1]) is { } item) items.Remove(item);
            }
            else if (parent is JsonObject members)
            {
                if (entry.TryGetPropertyValue("is", out var ours) && !JsonNode.DeepEquals(ours, members[path[^1]])) continue;
                if (entry.Flag("made") == true && members[path[^1]] is JsonObject { Count: > 0 } or JsonArray { Count: > 0 }) continue;
                if (entry.ContainsKey("was")) members[path[^1]] = entry["was"]?.DeepClone();
                else members.Remove(path[^1]);
            }
        }
    }

    /// <summary>Makes the object at a path where it is missing.</summary>
    public JsonObject Ensure(params string[] path)
    {
        var parent = path.Length == 1 ? pod : Parent(path);
        if (parent[path[^1]] is JsonObject there) return there;
        RecordMade(parent, path);
        var made = new JsonObject();
        parent[path[^1]] = made;
        return made;
    }

    private JsonObject Parent(string[] path)
    {
        JsonNode found = pod;
        for (var i = 0; i < path.Length - 1; i++)
        {
            found = path[i].StartsWith(ByName, StringComparison.Ordinal) ? Item((JsonArray)found, path[i])!
                : found[path[i]] is JsonArray list ? list
                : Ensure(path[..(i + 1)]);
        }

        return (JsonObject)found;
    }

    private void Record(JsonObject parent, string[] path, string[] pathAfterwards)
    {
        var entry = new JsonObject { ["path"] = Steps(pathAfterwards) };
        if (parent.TryGetPropertyValue(path[^1], out var was)) entry["was"] = was?.DeepClone();
        Undo.Add((JsonNode)entry);
    }

    /// <summary>What we made goes only when nobody else has put something into it.</summary>
    private void RecordMade(JsonObject parent, string[] path)
    {
        Record(parent, path, path);
        Undo[^1]!["made"] = true;
    }

    private static JsonArray Steps(string[] path) => [.. path.Select(step => (JsonNode)step)];

    private static JsonNode? Find(JsonNode? from, string[] path)
    {
        foreach (var step in path)
        {
            from = from is JsonArray items ? Item(items, step) : (from as JsonObject)?[step];
        }

        return from;
    }

    private static JsonObject? Item(JsonArray items, string step) =>
        step.StartsWith(ByName, StringComparison.Ordinal) ? items.OfType<JsonObject>().FirstOrDefault(item => item.Text("name") == step[ByName.Length..]) : null;
}
