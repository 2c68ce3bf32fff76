using System.Text.Encodings.Web;
using System.Text.Json;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>Documents as text that kubectl reads: one JSON document as JSON, everything else as YAML documents.</summary>
public static class ManifestWriter
{
    internal static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write(IReadOnlyList<Manifest> manifests) => manifests is [{ IsJson: true } only]
        ? only.Root.ToJsonString(Readable) + "\n"
        : string.Join("---\n", manifests.Select(m => YamlWriter.Write(m.Root)));
}
