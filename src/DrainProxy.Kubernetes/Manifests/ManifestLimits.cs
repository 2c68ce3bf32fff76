namespace DrainProxy.Kubernetes.Manifests;

/// <summary>
/// Bounds of what is read. The API server takes 1.5 MiB an object (etcd's limit) and 3 MiB a request; bundles of many objects are larger.
/// A few lines of aliases of aliases can stand for billions of nodes, so nodes are counted after expansion.
/// </summary>
/// <param name="FileBytes">Largest file, and largest standard input.</param>
/// <param name="Files">Most files of one folder.</param>
/// <param name="Nodes">Most values of one file, aliases expanded.</param>
/// <param name="Depth">Deepest nesting; Kubernetes' own objects stay below 30.</param>
public sealed record ManifestLimits(int FileBytes, int Files, int Nodes, int Depth)
{
    public static ManifestLimits Default { get; } = new(16 << 20, 5_000, 500_000, 100);
}
