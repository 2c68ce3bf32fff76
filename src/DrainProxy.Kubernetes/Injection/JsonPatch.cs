using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>JSON Patch (RFC 6902) with add, remove and replace: made from two versions, and applied.</summary>
public static class JsonPatch
{
    /// <summary>Patches go into base64 and logs, never into a page: text stays as it is.</summary>
    internal static readonly JsonSerializerOptions Format = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The operations that make <paramref name="to"/> of <paramref name="from"/>; the same ones for the same two.</summary>
    public static JsonArray Between(JsonNode from, JsonNode to)
    {
        var patch = new JsonArray();
        Compare(from, to, "", patch);
        return patch;
    }

    /// <summary>Applies a patch in place.</summary>
    /// <exception cref="InvalidOperationException">An operation that is not known, or a place that is not there.</exception>
    public static void Apply(JsonNode document, JsonArray patch)
    {
        foreach (var operation in patch.OfType<JsonObject>())
        {
            var steps = operation.Text("path")?.Split('/')[1..].Select(s => s.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)).ToArray();
            if (steps is not { Length: > 0 }) throw new InvalidOperationException("a patch needs a path below the root");
            JsonNode? parent = document;
            foreach (var step in steps[..^1]) parent = parent is JsonArray list ? list[int.Parse(step)] : parent?[step];
            Apply(parent ?? throw Missing(operation), steps[^1], operation);
        }
    }

    private static void Apply(JsonNode parent, string last, JsonObject operation)
    {
        var (name, value) = (operation.Text("op"), operation["value"]?.DeepClone());
        if (parent is JsonArray items)
        {
            var index = last == "-" ? items.Count : int.Parse(last);
            if (name == "add") items.Insert(index, value);
            else if (name == "remove") items.RemoveAt(index);
            else if (name == "replace") items[index] = value;
            else throw new InvalidOperationException($"the operation {name} is not known");
            return;
        }

        var members = parent.AsObject();
        if (name is not "add" && !members.ContainsKey(last)) throw Missing(operation);
        if (name is "add" or "replace") members[last] = value;
        else if (name == "remove") members.Remove(last);
        else throw new InvalidOperationException($"the operation {name} is not known");
    }

    private static InvalidOperationException Missing(JsonObject operation) => new($"nothing at {operation.Text("path")}");

    private static void Compare(JsonNode? from, JsonNode? to, string path, JsonArray patch)
    {
        if (from is JsonObject before && to is JsonObject after) CompareMembers(before, after, path, patch);
        else if (from is JsonArray old && to is JsonArray now) CompareItems(old, now, path, patch);
        else if (!JsonNode.DeepEquals(from, to)) Add(patch, "replace", path, to);
    }

    private static void CompareMembers(JsonObject from, JsonObject to, string path, JsonArray patch)
    {
        foreach (var (key, _) in from)
        {
            if (!to.ContainsKey(key)) Add(patch, "remove", Join(path, key));
        }

        foreach (var (key, value) in to)
        {
            if (!from.TryGetPropertyValue(key, out var old)) Add(patch, "add", Join(path, key), value);
            else Compare(old, value, Join(path, key), patch);
        }
    }

    /// <summary>Items with names are compared with those of the same name, so that a new container does not look like a change of all others.</summary>
    private static void CompareItems(JsonArray from, JsonArray to, string path, JsonArray patch)
    {
        if (from.Count == to.Count && Enumerable.Range(0, from.Count).All(i => SameName(from[i], to[i])))
        {
            for (var i = 0; i < from.Count; i++) Compare(from[i], to[i], $"{path}/{i}", patch);
            return;
        }

        var (old, now) = (Names(from), Names(to));
        if (old is null || now is null || !old.Where(now.Contains).SequenceEqual(now.Where(old.Contains)))
        {
            if (!JsonNode.DeepEquals(from, to)) Add(patch, "replace", path, to);
            return;
        }

        for (var i = old.Count - 1; i >= 0; i--)
        {
            if (!now.Contains(old[i])) Add(patch, "remove", $"{path}/{i}");
        }

        for (var i = 0; i < now.Count; i++)
        {
            var before = old.IndexOf(now[i]);
            if (before < 0) Add(patch, "add", $"{path}/{i}", to[i]);
            else Compare(from[before], to[i], $"{path}/{i}", patch);
        }
    }

    private static bool SameName(JsonNode? a, JsonNode? b) => a is not JsonObject || b is not JsonObject || (a as JsonObject).Text("name") == (b as JsonObject).Text("name");

    private static List<string>? Names(JsonArray items)
    {
        var names = items.Select(item => (item as JsonObject).Text("name")).OfType<string>().ToList();
        return names.Count == items.Count && names.Distinct(StringComparer.Ordinal).Count() == names.Count ? names : null;
    }

    private static string Join(string path, string key) =>
        $"{path}/{key.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    private static void Add(JsonArray patch, string name, string path, JsonNode? value) =>
        patch.Add((JsonNode)new JsonObject { ["op"] = name, ["path"] = path, ["value"] = value?.DeepClone() });

    private static void Add(JsonArray patch, string name, string path) => patch.Add((JsonNode)new JsonObject { ["op"] = name, ["path"] = path });
}
