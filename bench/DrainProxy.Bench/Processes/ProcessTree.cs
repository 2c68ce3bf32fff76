namespace DrainProxy.Bench.Processes;

/// <summary>What the kernel says about a process and all its descendants (nginx: master and worker).</summary>
internal static class ProcessTree
{
    /// <summary>Linux's USER_HZ: the unit of utime and stime in /proc, 100 on every architecture that .NET runs on.</summary>
    private const double TicksPerSecond = 100;

    public static TimeSpan Cpu(int root) => TimeSpan.FromSeconds(Members(root).Sum(pid => CpuTicks($"/proc/{pid}/stat")) / TicksPerSecond);

    /// <summary>CPU seconds by thread name: which part of a runtime does the work, also where perf is not to be had.</summary>
    public static IReadOnlyDictionary<string, double> CpuByThread(int root) => Members(root)
        .SelectMany(pid => Directory.GetDirectories($"/proc/{pid}/task"))
        .GroupBy(task => File.ReadAllText($"{task}/comm").Trim(), task => CpuTicks($"{task}/stat") / TicksPerSecond)
        .ToDictionary(threads => threads.Key, threads => threads.Sum());

    /// <summary>What .NET's background compiler has used so far; null without one, also when its thread has ended for want of work.</summary>
    public static TimeSpan? Compiler(int root) => CpuByThread(root).TryGetValue(".NET Tiered Com", out var seconds) ? TimeSpan.FromSeconds(seconds) : null;

    public static IReadOnlyList<int> Members(int root)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), out var pid) && Fields($"{folder}/stat") is { } fields)
            {
                var parent = int.Parse(fields[1]);
                (children.TryGetValue(parent, out var list) ? list : children[parent] = []).Add(pid);
            }
        }

        List<int> members = [root];
        for (var i = 0; i < members.Count; i++)
        {
            members.AddRange(children.GetValueOrDefault(members[i], []));
        }

        return members;
    }

    private static double CpuTicks(string statFile) => Fields(statFile) is { } fields ? double.Parse(fields[11]) + double.Parse(fields[12]) : 0;

    /// <summary>The fields after the command name, which may itself hold spaces and parentheses: state first.</summary>
    private static string[]? Fields(string statFile)
    {
        try
        {
            var text = File.ReadAllText(statFile);
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null; // ended between listing and reading
        }
    }
}
