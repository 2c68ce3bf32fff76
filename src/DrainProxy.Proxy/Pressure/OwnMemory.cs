using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// The memory of this process against its container's limit: read by the sampler, asked by each request with one read. Where the container is ours alone
/// its cgroup's figures count, else what this process has resident, since a neighbour's use is not ours to save.
/// </summary>
internal sealed partial class OwnMemory : IDisposable
{
    private readonly byte[] buffer = new byte[4096];
    private readonly OwnMemoryRule rule = new();
    private readonly CgroupMemory? cgroup;
    private readonly KernelFile? status;
    private readonly ILogger log;
    private volatile bool isShort;
    private long used;
    private long limit = long.MaxValue;
    private int collecting;

    public OwnMemory(CgroupMemory? cgroup, KernelFile? status, ILogger log)
    {
        (this.cgroup, this.status, this.log) = (cgroup, status, log);
        Read();
    }

    /// <summary>Raised when new work is taken no more, or again; on the sampler's turn.</summary>
    public event Action<bool>? Changed;

    /// <summary>New requests are refused. On the hot path.</summary>
    public bool IsShort => isShort;

    public long UsedBytes => Volatile.Read(ref used);

    /// <summary><see cref="long.MaxValue"/> without one.</summary>
    public long LimitBytes => Volatile.Read(ref limit);

    /// <summary>That of this process. Nothing is known, and nothing refused, where /proc or the cgroup cannot be read.</summary>
    /// <param name="alone">Whether nobody else is meant to be in our container; a supervised app is.</param>
    /// <param name="log">Told when work is refused.</param>
    public static OwnMemory Open(bool alone, ILogger log)
    {
        var cgroup = AppMemory.OwnCgroupMemory();
        var shared = !alone || cgroup is null || KernelFile.Lines(Path.Combine(cgroup.Description, "cgroup.procs")).Length != 1;
        return new(cgroup, shared ? KernelFile.Open("/proc/self/status") : null, log);
    }

    /// <summary>One reading, on the sampler's turn.</summary>
    /// <returns>Whether the next one is to come soon.</returns>
    public bool Look(TimeSpan now)
    {
        if (cgroup is null) return false;
        Read();
        var step = rule.Observe(now, used, limit);
        // Not here: it takes milliseconds, and readings are wanted meanwhile.
        if (step.Collect && Interlocked.Exchange(ref collecting, 1) == 0) _ = Task.Run(Collect);
        if (!step.Changed) return step.Near;
        isShort = rule.IsShort;
        if (isShort) LogShort(log, used >> 20, limit >> 20);
        else LogEnough(log, used >> 20, limit >> 20);
        Changed?.Invoke(isShort);
        return step.Near;
    }

    public void Dispose()
    {
        cgroup?.Dispose();
        status?.Dispose();
    }

    private void Read()
    {
        if (cgroup is null || !cgroup.TryRead(out var figures)) return;
        Volatile.Write(ref limit, figures.LimitBytes);
        Volatile.Write(ref used, status is null ? figures.Memory.UsedBytes : ProcessText.Status(status.Read(buffer)).UsedBytes);
    }

    private void Collect()
    {
        var compacts = OwnMemoryRule.MayCompact(UsedBytes, LimitBytes, GC.GetTotalMemory(forceFullCollection: false));
        GC.Collect(GC.MaxGeneration, compacts ? GCCollectionMode.Aggressive : GCCollectionMode.Forced, blocking: true, compacting: compacts);
        Volatile.Write(ref collecting, 0);
    }

    [LoggerMessage(310, LogLevel.Warning, "DrainProxy itself is short of memory: {UsedMi} of {LimitMi} MiB. New requests get 503, connections wait; raise the sidecar's limit",
        EventName = "own_memory_short")]
    private static partial void LogShort(ILogger log, long usedMi, long limitMi);

    [LoggerMessage(311, LogLevel.Information, "DrainProxy has memory again: {UsedMi} of {LimitMi} MiB", EventName = "own_memory_enough")]
    private static partial void LogEnough(ILogger log, long usedMi, long limitMi);
}
