using System.Text.Json.Nodes;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Linting;

/// <summary>A value of an object with the place where it stands, there or not.</summary>
internal readonly record struct Field(KubeObject Object, JsonNode? Node, FieldPath Path)
{
    /// <summary>A member, there or not; of a default field it is one.</summary>
    public Field this[string key] => Path is null ? default : new(Object, (Node as JsonObject)?[key], Path.Then(key));

    /// <summary>Several members at once, separated by points.</summary>
    public Field To(string members) => members.Split('.').Aggregate(this, (field, key) => field[key]);

    public bool Exists => Node is not null;

    public JsonObject? Json => Node as JsonObject;

    public string? Text => Node.AsText();

    public long? Whole => Node.AsWhole();

    public bool IsTrue => Node is JsonValue value && value.TryGetValue<bool>(out var flag) && flag;

    public IReadOnlyList<Field> Items
    {
        get
        {
            var (json, path, owner) = (Node as JsonArray, Path, Object);
            return json is null ? [] : [.. json.Select((item, i) => new Field(owner, item, path.Then(i)))];
        }
    }

    public IEnumerable<string> Texts => Items.Select(i => i.Text).OfType<string>();

    public static Field Of(KubeObject o) => new(o, o.Json, FieldPath.Root);

    public int Line => Object.Source.Lines.Of(Join(Object.Path, Path));

    private static FieldPath Join(FieldPath first, FieldPath second) =>
        second.Steps.Aggregate(first, (path, step) => step.Key is { } key ? path.Then(key) : path.Then(step.Index));
}
