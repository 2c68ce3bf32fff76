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
