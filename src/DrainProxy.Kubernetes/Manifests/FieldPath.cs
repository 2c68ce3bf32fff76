using System.Text;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>One step: a member by its name, or an item by its place.</summary>
public readonly record struct FieldStep(string? Key, int Index);

/// <summary>Where a value is in its object, written as kubectl explain does: `spec.containers[0].image`; odd names in brackets.</summary>
public sealed class FieldPath
{
    public static FieldPath Root { get; } = new([]);

    private FieldPath(FieldStep[] steps) => Steps = steps;

    public IReadOnlyList<FieldStep> Steps { get; }

    public FieldPath Then(string key) => new([.. Steps, new(key, 0)]);

    public FieldPath Then(int index) => new([.. Steps, new(null, index)]);

    /// <summary>Several members at once, separated by points; for names without points in them.</summary>
    public FieldPath To(string members) => members.Split('.').Aggregate(this, (path, key) => path.Then(key));

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var step in Steps)
        {
            if (step.Key is null) text.Append('[').Append(step.Index).Append(']');
            else if (step.Key.AsSpan().ContainsAny('.', '/', '[')) text.Append('[').Append(step.Key).Append(']');
            else text.Append(text.Length == 0 ? "" : ".").Append(step.Key);
        }

        return text.ToString();
    }
}
