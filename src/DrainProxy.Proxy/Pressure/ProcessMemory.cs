using System.Globalization;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// The resident memory of the app's processes, added up. What forked workers share is counted once as far as /proc/PID/smaps_rollup may be read, which is slow and needs our user or
/// CAP_SYS_PTRACE; without it a page counts for each process that maps it. Limit and kills come from the processes' cgroup where that is visible.
/// </summary>
internal sealed class ProcessMemory : IMemorySource
{
    /// <summary>All of /proc is walked for that: once a second while there is work, and every five without.</summary>
    private static readonly TimeSpan LookForChildren = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LookForChildrenAtRest = TimeSpan.FromSeconds(5);
    private const int ReadingsOfWork = 20;
    private static readonly TimeSpan LookAtSharing = TimeSpan.FromSeconds(10);
    private readonly byte[] buffer = new byte[4 * 1024];
    private readonly IReadOnlyList<AppProcess> roots;
    private readonly CgroupMemory? cgroup;
    private readonly TimeProvider time;
    private readonly SortedList<int, KernelFile> status = [];
    private long lookedForChildren;
    private int readings;
    private long? lookedAtSharing;
    private long countedTwice;

    public ProcessMemory(IReadOnlyList<AppProcess> roots, CgroupMemory? cgroup, TimeProvider time)
    {
        (this.roots, this.cgroup, this.time) = (roots, cgroup, time);
        LookAgain();
    }

    public MemoryMethod Method => MemoryMethod.Processes;

    public string Description { get; private set; } = "";

    public string Identity => cgroup?.Identity ?? "";

    public CgroupCharge Charge() => cgroup?.Charge() ?? default;

    public bool StillHolds() => roots.Any(p => p.Lives);

    public bool TryRead(out MemoryFigures figures)
    {
        if (time.GetElapsedTime(lookedForChildren) >= (++readings >= ReadingsOfWork ? LookForChildren : LookForChildrenAtRest)) LookAgain();
        MemoryReading sum = default;
        foreach (var file in status.Values)
        {
            var one = ProcessText.Status(file.Read(buffer));
            sum = new(sum.AnonBytes + one.AnonBytes, sum.SharedBytes + one.SharedBytes, sum.KernelBytes + one.KernelBytes, 0, Math.Max(sum.ReclaimableBytes, one.ReclaimableBytes));
        }

        if (lookedAtSharing is not { } looked || time.GetElapsedTime(looked) >= LookAtSharing) LookAtPages(sum);
        var twice = Math.Min(countedTwice, sum.AnonBytes + sum.SharedBytes);
        var fromAnon = Math.Min(twice, sum.AnonBytes);
        sum = sum with { AnonBytes = sum.AnonBytes - fromAnon, SharedBytes = sum.SharedBytes - (twice - fromAnon) };
        MemoryFigures around = default;
        var bounded = cgroup is not null && cgroup.TryRead(out around);
        figures = new(sum, bounded ? around.LimitBytes : long.MaxValue, bounded ? around.OomKills : null);
        return sum.AnonBytes > 0;
    }

    public void Dispose()
    {
        foreach (var file in status.Values) file.Dispose();
        cgroup?.Dispose();
    }

    private void LookAgain()
    {
        (lookedForChildren, readings) = (time.GetTimestamp(), 0);
        var now = AppProcesses.WithDescendants(roots.Where(p => p.Lives).Select(p => p.Id));
        foreach (var gone in status.Keys.Except(now).ToList())
        {
            status[gone].Dispose();
            status.Remove(gone);
            lookedAtSharing = null;
        }

        foreach (var id in now.Except(status.Keys).ToList())
        {
            if (KernelFile.Open($"/proc/{id}/status") is not { } file) continue;
            status.Add(id, file);
            lookedAtSharing = null;
        }

        if (lookedAtSharing is null) Description = "pid " + string.Join(' ', status.Keys.Select(id => id.ToString(CultureInfo.InvariantCulture)));
    }

    /// <summary>What the sum counts too much: the difference to the sum in which each page is divided by those that map it.</summary>
    private void LookAtPages(MemoryReading sum)
    {
        lookedAtSharing = time.GetTimestamp();
        long proportional = 0;
        foreach (var id in status.Keys)
        {
            if (status.Count < 2 || ProcessText.ProportionalBytes(KernelFile.Read($"/proc/{id}/smaps_rollup", buffer)) is not { } share)
            {
                countedTwice = 0;
                return;
            }

            proportional += share;
        }

        countedTwice = Math.Max(0, sum.AnonBytes + sum.SharedBytes - proportional);
    }
}
