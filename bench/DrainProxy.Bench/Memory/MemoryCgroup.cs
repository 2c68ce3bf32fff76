using System.Globalization;

namespace DrainProxy.Bench.Memory;

/// <summary>A memory cgroup (version 1) with a limit that the kernel enforces by killing; gone with the run. Needs root.</summary>
internal sealed class MemoryCgroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup/memory";

    public MemoryCgroup(string name, long bytes)
    {
        Folder = Path.Combine(Root, name);
        Directory.CreateDirectory(Folder);
        Limit(bytes);
    }

    public string Folder { get; }

    /// <summary>Why it cannot be made here; null when it can.</summary>
    public static string? Missing => !File.Exists(Path.Combine(Root, "memory.limit_in_bytes"))
        ? $"no memory cgroup of version 1 at {Root}"
        : Environment.IsPrivilegedProcess ? null : "making a memory cgroup needs root";

    /// <summary>Kills so far, as the kernel counts.</summary>
    public long Kills => Field("memory.oom_control", "oom_kill ");

    /// <summary>Memory that the kernel cannot take back, as DrainProxy counts it, in bytes.</summary>
    public long Used => Field("memory.stat", "rss ") + Field("memory.stat", "shmem ");

    public void Limit(long bytes) => File.WriteAllText(Path.Combine(Folder, "memory.limit_in_bytes"), bytes.ToString(CultureInfo.InvariantCulture));

    /// <summary>A command line that runs another inside: a shell that moves itself there and becomes it.</summary>
    public string[] Around(params string[] command) => ["-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", Folder, .. command];

    /// <summary>Ends what is left inside, then removes the folder; a process that has just been killed may take a moment.</summary>
    public void Dispose()
    {
        for (var tries = 0; Directory.Exists(Folder) && tries < 100_000; tries++)
        {
            try
            {
                foreach (var id in File.ReadAllLines(Path.Combine(Folder, "cgroup.procs"))) End(int.Parse(id, CultureInfo.InvariantCulture));
                Directory.Delete(Folder);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Thread.Yield();
            }
        }
    }

    private static void End(int id)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(id);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }
    }

    private long Field(string file, string name)
    {
        foreach (var line in File.ReadLines(Path.Combine(Folder, file)))
            if (line.StartsWith(name, StringComparison.Ordinal)) return long.Parse(line.AsSpan(name.Length), CultureInfo.InvariantCulture);
        return 0;
    }
}
