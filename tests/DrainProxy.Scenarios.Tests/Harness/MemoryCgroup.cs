using System.Globalization;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>A real memory cgroup (version 1) of the test's own, with a limit that the kernel enforces by killing. Gone with the test.</summary>
internal sealed class MemoryCgroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup/memory";
    private static int made;

    private MemoryCgroup(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>Kills so far, as the kernel counts.</summary>
    public long Kills => long.Parse(Read("memory.oom_control").Split('\n').Single(l => l.StartsWith("oom_kill ", StringComparison.Ordinal))[9..], CultureInfo.InvariantCulture);

    /// <summary>Skips the test where such a cgroup cannot be made.</summary>
    public static MemoryCgroup Create(long bytes)
    {
        if (!File.Exists(Path.Combine(Root, "memory.limit_in_bytes"))) Tool.Missing($"no memory cgroup of version 1 at {Root}");
        if (!Environment.IsPrivilegedProcess) Tool.Missing("making a memory cgroup needs root");
        var folder = Path.Combine(Root, $"drainproxy-{Environment.ProcessId}-{Interlocked.Increment(ref made)}");
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Tool.Missing($"a memory cgroup cannot be made here: {e.Message}");
        }

        var cgroup = new MemoryCgroup(folder);
        cgroup.Limit(bytes);
        return cgroup;
    }

    public void Limit(long bytes) => File.WriteAllText(Path.Combine(Folder, "memory.limit_in_bytes"), bytes.ToString(CultureInfo.InvariantCulture));

    /// <summary>Gives back what can be had again from files, so that a limit below what was charged can be set.</summary>
    public void Reclaim() => File.WriteAllText(Path.Combine(Folder, "memory.force_empty"), "0");

    /// <summary>A command line that runs another inside: a shell that moves itself there and becomes it.</summary>
    public string[] Around(string program, params string[] arguments) => ["/bin/sh", "-c", "echo $$ > \"$0/cgroup.procs\" && exec \"$@\"", Folder, program, .. arguments];

    /// <summary>The folder can go when its last process has; one that has just been killed may take a moment.</summary>
    public void Dispose()
    {
        for (var tries = 0; Directory.Exists(Folder); tries++)
        {
            try
            {
                Directory.Delete(Folder);
            }
            catch (IOException) when (tries < 1000)
            {
                Thread.Yield();
            }
        }
    }

    private string Read(string file) => File.ReadAllText(Path.Combine(Folder, file));
}
