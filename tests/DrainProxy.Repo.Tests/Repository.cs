using System.Text;

namespace DrainProxy.Repo.Tests;

/// <summary>The tree that the guards read.</summary>
internal static class Repository
{
    private static readonly Lazy<IReadOnlyList<string>> Files = new(List);

    /// <summary>The folder of the solution, above the built tests.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Relative paths of what git tracks or would track (ignored files left out), so that a new file is guarded before it is added.</summary>
    public static IReadOnlyList<string> TrackedFiles => Files.Value;

    public static IEnumerable<string> FilesWith(params string[] endings) =>
        TrackedFiles.Where(file => endings.Any(ending => file.EndsWith(ending, StringComparison.Ordinal)));

    public static string PathOf(string file) => Path.Combine(Root, file);

    public static string Read(string file) => File.ReadAllText(PathOf(file));

    /// <summary>Copies the tracked files, and nothing else, to a new folder.</summary>
    public static void CopyTo(string folder)
    {
        foreach (var file in TrackedFiles)
        {
            var copy = Path.Combine(folder, file);
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(PathOf(file), copy);
        }
    }

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "DrainProxy.sln"))) return folder;
        }

        throw new InvalidOperationException($"DrainProxy.sln is in no folder above {AppContext.BaseDirectory}");
    }

    private static List<string> List()
    {
        var listing = Command.Run("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], Root);
        Assert.True(listing.ExitCode == 0, $"the guards need a git checkout: {listing.Text}");
        var files = listing.Output.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(file => File.Exists(PathOf(file))).ToList();
        Assert.NotEmpty(files);
        return files;
    }

    /// <summary>The text of a file, or null for one with bytes that are no UTF-8.</summary>
    public static string? ReadText(string file)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(File.ReadAllBytes(PathOf(file)));
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
