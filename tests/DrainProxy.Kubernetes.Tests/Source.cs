namespace DrainProxy.Kubernetes.Tests;

/// <summary>The source tree, above the built tests.</summary>
internal static class Source
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "DrainProxy.sln"))) return folder;
        }

        throw new InvalidOperationException($"DrainProxy.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
