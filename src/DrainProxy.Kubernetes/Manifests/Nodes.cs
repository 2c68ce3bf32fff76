using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>Reading of objects whose fields may be missing, null or of the wrong type: then they are not there.</summary>
internal static class Nodes
{
    public static JsonObject? Object(this JsonObject? json, string key) => json?[key] as JsonObject;

    public static IEnumerable<JsonObject> Objects(this JsonObject? json, string key) => (json?[key] as JsonArray)?.OfType<JsonObject>() ?? [];

    public static string? Text(this JsonObject? json, string key) => json?[key].AsText();

    public static long? Whole(this JsonObject? json, string key) => json?[key].AsWhole();

    public static bool? Flag(this JsonObject? json, string key) => json?[key] is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    public static string? AsText(this JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>A whole number, however it is spelled: 30, 30.0 and 3e1 are one.</summary>
    public static long? AsWhole(this JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == JsonValueKind.Number
        && decimal.TryParse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
        && number == decimal.Truncate(number) && number is >= long.MinValue and <= long.MaxValue
            ? (long)number
            : null;

    /// <summary>The value at a path, or null.</summary>
    public static JsonNode? At(this JsonNode? node, FieldPath path)
    {
        foreach (var step in path.Steps)
        {
            node = step.Key is { } key
                ? (node as JsonObject)?[key]
                : node is JsonArray items && step.Index < items.Count ? items[step.Index] : null;
        }

        return node;
    }
}
