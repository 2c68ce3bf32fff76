using System.Globalization;

namespace DrainProxy.Bench.Processes;

/// <summary>
/// Memory of a process tree, in KiB. <paramref name="Pss"/> is the kernel's own figure: pages of files that others map too count in part, so
/// it gets smaller when another program of the same runtime runs beside it, the bench itself for one. <paramref name="Alone"/> counts
/// files that are mapped whole: what the tree would show as PSS alone in its pod.
/// </summary>
internal readonly record struct MemoryReading(double Pss, double Alone)
{
    public static MemoryReading Of(int root)
    {
        double pss = 0, alone = 0;
        var wholeFiles = new Dictionary<string, double>();
        foreach (var pid in ProcessTree.Members(root))
        {
            var ofProcess = new Dictionary<string, double>();
            foreach (var mapping in Mappings(pid))
            {
                pss += mapping.Pss;
                if (mapping.File is null)
                {
                    alone += mapping.Pss;
                    continue;
                }

                alone += mapping.Anonymous; // pages of the file that were written to: this process's own
                ofProcess[mapping.File] = ofProcess.GetValueOrDefault(mapping.File) + mapping.Rss - mapping.Anonymous;
            }

            foreach (var (file, size) in ofProcess)
            {
                wholeFiles[file] = Math.Max(wholeFiles.GetValueOrDefault(file), size); // master and worker map it once between them
            }
        }

        return new MemoryReading(pss, alone + wholeFiles.Values.Sum());
    }

    /// <summary>Resident size of the tree in KiB: cheap enough to be read often, and counts what is shared in each process.</summary>
    public static double Resident(int root) => ProcessTree.Members(root).Sum(pid =>
    {
        try
        {
            var line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith("VmRSS:"));
            return line is null ? 0 : Size(line, line.IndexOf(':'));
        }
        catch (IOException)
        {
            return 0; // ended between listing and reading
        }
    });

    private static IEnumerable<Mapping> Mappings(int pid)
    {
        Mapping? current = null;
        foreach (var line in File.ReadLines($"/proc/{pid}/smaps"))
        {
            var colon = line.IndexOf(':');
            var space = line.IndexOf(' ');
            if (colon < 0 || (space >= 0 && space < colon))
            {
                if (current is not null)
                {
                    yield return current;
                }

                current = new Mapping { File = FileOf(line) };
                continue;
            }

            switch (line[..colon])
            {
                case "Rss": current!.Rss = Size(line, colon); break;
                case "Pss": current!.Pss = Size(line, colon); break;
                case "Anonymous": current!.Anonymous = Size(line, colon); break;
            }
        }

        if (current is not null)
        {
            yield return current;
        }
    }

    private static double Size(string line, int colon) => double.Parse(line.AsSpan(colon + 1, line.Length - colon - 3), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite);

    /// <summary>A memfd (the runtime maps its code heap twice through one) is this process's own memory, not a file that others share.</summary>
    private static string? FileOf(string header)
    {
        var path = header.IndexOf('/');
        return path < 0 || header.AsSpan(path).StartsWith("/memfd:") || header.EndsWith("(deleted)") ? null : header[path..];
    }

    private sealed class Mapping
    {
        public string? File { get; init; }
        public double Rss { get; set; }
        public double Pss { get; set; }
        public double Anonymous { get; set; }
    }
}
