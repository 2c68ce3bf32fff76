using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>One document of a file.</summary>
/// <param name="File">As the user named it; `-` for standard input.</param>
/// <param name="IsJson">Whether it was written as JSON and is to be written so again.</param>
public sealed record Manifest(string File, JsonObject Root, LineTree Lines, bool IsJson)
{
    /// <summary>The documents of one file, empty ones left out.</summary>
    /// <exception cref="ManifestException">Not YAML, not JSON, not an object, or beyond a limit.</exception>
    public static IReadOnlyList<Manifest> Parse(ManifestText source, ManifestLimits limits)
    {
        var (documents, isJson) = Documents(source, limits);
        var manifests = new List<Manifest>();
        foreach (var (node, lines) in documents)
        {
            manifests.Add(node is JsonObject root
                ? new(source.File, root, lines, isJson)
                : throw new ManifestException(source.File, lines.Line, "a manifest is a mapping with apiVersion and kind"));
        }

        return manifests;
    }

    private static (List<(JsonNode Node, LineTree Lines)> Documents, bool IsJson) Documents(ManifestText source, ManifestLimits limits)
    {
        var start = source.Text.AsSpan().TrimStart();
        if (start.IsEmpty || start[0] is not ('{' or '[')) return (YamlReader.Read(source.File, source.Text, limits), false);
        try
        {
            return (JsonReader.Read(source.File, source.Text, limits), true);
        }
        catch (ManifestException notJson) when (!source.File.EndsWith(".json", StringComparison.OrdinalIgnoreCase))
        {
            try
            {
                // YAML may begin with a brace as well.
                return (YamlReader.Read(source.File, source.Text, limits), false);
            }
            catch (ManifestException)
            {
                throw notJson;
            }
        }
    }
}
