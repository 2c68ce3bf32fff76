namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>The parts of the memory that one app has charged, in bytes; 0 where the method does not tell a part.</summary>
/// <param name="AnonBytes">Anonymous memory: heaps and stacks.</param>
/// <param name="SharedBytes">Shared memory and tmpfs files: they look like page cache, but nothing can be taken back without swap.</param>
/// <param name="KernelBytes">Kernel memory for the app (page tables, stacks of threads, slabs), as far as known without what can be taken back.</param>
/// <param name="SocketBytes">Socket buffers, where they count against the same limit (cgroup v2).</param>
/// <param name="ReclaimableBytes">Page cache and reclaimable slabs: taken back before anything is killed.</param>
public readonly record struct MemoryReading(long AnonBytes, long SharedBytes, long KernelBytes, long SocketBytes, long ReclaimableBytes)
{
    /// <summary>Gets what the OOM killer sees: all that cannot be taken back.</summary>
    public long UsedBytes => AnonBytes + SharedBytes + KernelBytes + SocketBytes;
}

/// <summary>How long the app's tasks have waited for memory since its cgroup was made: no early warning (without swap it stays at 0 until the kill, measured), but it tells thrashing page cache.</summary>
/// <param name="Some">At least one waited.</param>
/// <param name="Full">All that had work waited.</param>
public readonly record struct MemoryStalls(TimeSpan Some, TimeSpan Full);

/// <summary>What an app's cgroup tells beside its use: figures that decide nothing and change slowly. Null what it does not tell.</summary>
/// <param name="ChargedBytes">All that is charged, page cache included: what the limit is compared with (`memory.current`, `memory.usage_in_bytes`).</param>
/// <param name="ChargedPeakBytes">The highest that ever was (`memory.peak` since Linux 5.19, `memory.max_usage_in_bytes`).</param>
/// <param name="Stalls">`memory.pressure`, with cgroup v2 only.</param>
public readonly record struct CgroupCharge(long? ChargedBytes, long? ChargedPeakBytes, MemoryStalls? Stalls);
