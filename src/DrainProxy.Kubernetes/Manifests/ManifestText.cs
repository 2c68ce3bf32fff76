using System.IO.Enumeration;
using System.Text;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>The text of one file, not parsed yet.</summary>
/// <param name="File">As the user named it; `-` for standard input.</param>
public sealed record ManifestText(string File, string Text)
{
    private static readonly string[] Endings = [".yaml", ".yml", ".json"];

    /// <summary>Reads a file, all manifests of a folder and its subfolders in the order of their names, or standard input (`-`).</summary>
    /// <exception cref="ManifestException">Missing, not readable, too large, or not UTF-8.</exception>
    public static IReadOnlyList<ManifestText> Read(string path, Func<Stream> standardInput, ManifestLimits limits)
    {
        if (path == "-") return [Open(path, standardInput, limits)];
        if (!Directory.Exists(path)) return [Open(path, () => System.IO.File.OpenRead(path), limits)];
        var files = Guard(path, () => FilesIn(path).Take(limits.Files + 1).Order(StringComparer.Ordinal).ToList());
        if (files.Count == 0) throw new ManifestException(path, null, "no .yaml, .yml or .json file in this folder");
        if (files.Count > limits.Files) throw new ManifestException(path, null, $"more than {limits.Files} files");
        return [.. files.Select(file => Open(file, () => System.IO.File.OpenRead(file), limits))];
    }

    private static ManifestText Open(string name, Func<Stream> open, ManifestLimits limits) => Guard(name, () => ReadOne(name, open(), limits));

    /// <summary>What cannot be read is told by its own name: in a folder it may be a link that leads nowhere.</summary>
    private static T Guard<T>(string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new ManifestException(name, null, e is FileNotFoundException or DirectoryNotFoundException ? "no such file or folder" : e.Message);
        }
    }

    /// <summary>Links to files are followed, links to folders are not (they may lead in a circle), nor folders such as .git and the ..data of a mounted ConfigMap.</summary>
    private static FileSystemEnumerable<string> FilesIn(string folder) =>
        new(folder, (ref entry) => entry.ToSpecifiedFullPath(), new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && Endings.Contains(Path.GetExtension(entry.FileName).ToString(), StringComparer.OrdinalIgnoreCase),
            ShouldRecursePredicate = (ref entry) => !entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && !entry.FileName.StartsWith("."),
        };

    private static ManifestText ReadOne(string name, Stream stream, ManifestLimits limits)
    {
        using (stream)
        {
            using var bytes = new MemoryStream();
            var buffer = new byte[64 << 10];
            for (int read; (read = stream.Read(buffer)) > 0;)
            {
                bytes.Write(buffer, 0, read);
                if (bytes.Length > limits.FileBytes) throw new ManifestException(name, null, $"larger than {limits.FileBytes >> 20} MiB");
            }

            var all = bytes.ToArray();
            return new(name, Decode(name, all));
        }
    }

    private static string Decode(string name, byte[] bytes)
    {
        try
        {
            // Byte order marks of UTF-8 and UTF-16 are what editors on Windows leave.
            using var reader = new StreamReader(new MemoryStream(bytes), new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException)
        {
            throw new ManifestException(name, LineOfBadByte(bytes), "not UTF-8");
        }
    }

    private static int LineOfBadByte(byte[] bytes)
    {
        var good = 0;
        while (good < bytes.Length && Rune.DecodeFromUtf8(bytes.AsSpan(good), out _, out var length) == System.Buffers.OperationStatus.Done) good += length;
        return 1 + bytes.AsSpan(0, good).Count((byte)'\n');
    }
}
