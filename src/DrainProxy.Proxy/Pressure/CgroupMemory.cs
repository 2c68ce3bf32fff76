using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Pressure;

/// <summary>The memory of one cgroup, by the files of version 1 or 2, and the nearest limit up the hierarchy as far as it is visible.</summary>
internal sealed class CgroupMemory : IMemorySource
{
    private readonly byte[] buffer = new byte[16 * 1024];
    private readonly CgroupVersion version;
    private readonly string folder;
    private readonly Level own;
    private readonly List<Level> above;
    private readonly KernelFile? events;
    private readonly KernelFile? charged;
    private readonly KernelFile? peak;
    private readonly KernelFile? pressure;
    private readonly Func<bool> holds;

    private CgroupMemory(CgroupVersion version, string folder, string identity, Level own, List<Level> above, Func<bool> holds)
    {
        (this.version, this.folder, Identity, this.own, this.above, this.holds) = (version, folder, identity, own, above, holds);
        var v2 = version == CgroupVersion.V2;
        events = KernelFile.Open(Path.Combine(folder, v2 ? "memory.events" : "memory.oom_control"));
        charged = KernelFile.Open(Path.Combine(folder, v2 ? "memory.current" : "memory.usage_in_bytes"));
        peak = KernelFile.Open(Path.Combine(folder, v2 ? "memory.peak" : "memory.max_usage_in_bytes"));
        // Version 1 has memory.pressure_level, which is for events and cannot be read.
        pressure = v2 ? KernelFile.Open(Path.Combine(folder, "memory.pressure")) : null;
    }

    public MemoryMethod Method => MemoryMethod.Cgroup;

    public string Description => folder;

    public string Identity { get; }

    /// <summary>Opens the files of a folder.</summary>
    /// <param name="folder">The cgroup's.</param>
    /// <param name="identity">Tells this cgroup from another; paths through /proc/PID do not.</param>
    /// <param name="holds">Whether the app still lives there.</param>
    /// <returns>Null when it has no files of a memory controller, or is the root, whose figures are the node's.</returns>
    public static CgroupMemory? Open(string folder, string identity, Func<bool> holds)
    {
        CgroupVersion? version = File.Exists(Path.Combine(folder, "memory.max")) ? CgroupVersion.V2
            : File.Exists(Path.Combine(folder, "memory.limit_in_bytes")) ? CgroupVersion.V1
            : null;
        if (version is not { } known || Level.Open(folder, known) is not { } own) return null;
        var above = new List<Level>();
        for (var up = Path.GetDirectoryName(folder); up is not null && Level.Open(up, known) is { } level; up = Path.GetDirectoryName(up)) above.Add(level);
        return new(known, folder, identity, own, above, holds);
    }

    public bool StillHolds() => holds();

    public CgroupCharge Charge() => new(
        charged is null ? null : CgroupText.Number(charged.Read(buffer)), peak is null ? null : CgroupText.Number(peak.Read(buffer)),
        pressure is null ? null : CgroupText.Stalls(pressure.Read(buffer)));

    public bool TryRead(out MemoryFigures figures)
    {
        figures = default;
        if (own.Read(version, buffer) is not { } self) return false;
        var limit = self.Limit;
        foreach (var level in above)
        {
            // A limit above is shared: what neighbours hold of it is not the app's to use.
            if (level.LimitOf(buffer) is not { } shared || shared == long.MaxValue || level.Read(version, buffer) is not { } all) continue;
            limit = Math.Min(limit, Math.Max(0, shared - Math.Max(0, all.Memory.UsedBytes - self.Memory.UsedBytes)));
        }

        figures = new(self.Memory, limit, events is null ? null : CgroupText.OomKills(events.Read(buffer)));
        return true;
    }

    public void Dispose()
    {
        own.Dispose();
        foreach (var level in above) level.Dispose();
        events?.Dispose();
        charged?.Dispose();
        peak?.Dispose();
        pressure?.Dispose();
    }

    /// <summary>The files of one folder of the hierarchy.</summary>
    private sealed class Level(KernelFile stat, KernelFile limit, KernelFile? kernel) : IDisposable
    {
        /// <summary>Null above the hierarchy, and at its root: only the root of version 1 has a release agent, and only the root of version 2 lacks memory.max.</summary>
        public static Level? Open(string folder, CgroupVersion version)
        {
            if (File.Exists(Path.Combine(folder, "release_agent"))) return null;
            var stat = KernelFile.Open(Path.Combine(folder, "memory.stat"));
            var limit = KernelFile.Open(Path.Combine(folder, version == CgroupVersion.V2 ? "memory.max" : "memory.limit_in_bytes"));
            if (stat is not null && limit is not null)
                return new(stat, limit, version == CgroupVersion.V1 ? KernelFile.Open(Path.Combine(folder, "memory.kmem.usage_in_bytes")) : null);
            stat?.Dispose();
            limit?.Dispose();
            return null;
        }

        public long? LimitOf(Span<byte> buffer) => CgroupText.Limit(limit.Read(buffer));

        public (MemoryReading Memory, long Limit)? Read(CgroupVersion version, Span<byte> buffer)
        {
            if (LimitOf(buffer) is not { } set) return null;
            if (version == CgroupVersion.V2) return CgroupText.Stat2(stat.Read(buffer)) is { } memory ? (memory, set) : null;
            var inKernel = kernel is null ? 0 : CgroupText.Number(kernel.Read(buffer)) ?? 0;
            return CgroupText.Stat1(stat.Read(buffer), inKernel) is { } old ? (old.Memory, Math.Min(old.Limit, set)) : null;
        }

        public void Dispose()
        {
            stat.Dispose();
            limit.Dispose();
            kernel?.Dispose();
        }
    }
}
