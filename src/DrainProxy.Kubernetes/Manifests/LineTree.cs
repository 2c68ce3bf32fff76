namespace DrainProxy.Kubernetes.Manifests;

/// <summary>The lines of a document's values, in the shape of the document.</summary>
/// <param name="Line">1 for the first line of the file; for a member the line of its key.</param>
public sealed record LineTree(int Line)
{
    internal Dictionary<string, LineTree>? Members { get; set; }

    internal List<LineTree>? Items { get; set; }

    /// <summary>The line of a field, or of the nearest parent that is there.</summary>
    public int Of(FieldPath path)
    {
        var found = this;
        foreach (var step in path.Steps)
        {
            var next = step.Key is { } key
                ? found.Members?.GetValueOrDefault(key)
                : found.Items is { } items && step.Index < items.Count ? items[step.Index] : null;
            if (next is null) return found.Line;
            found = next;
        }

        return found.Line;
    }
}
