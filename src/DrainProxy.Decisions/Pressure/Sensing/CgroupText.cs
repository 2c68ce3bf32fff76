using System.Buffers.Text;

namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>The two interfaces that a memory controller has.</summary>
public enum CgroupVersion
{
    /// <summary>A hierarchy of its own, usually below /sys/fs/cgroup/memory.</summary>
    V1,

    /// <summary>The unified hierarchy.</summary>
    V2,
}

/// <summary>Readers of the memory controller's files (kernel documentation: admin-guide/cgroup-v2.rst and cgroup-v1/memory.rst). What is not understood is null, never an exception.</summary>
public static class CgroupText
{
    /// <summary>Version 1 writes the largest multiple of a page for "no limit"; nobody has a quarter of that.</summary>
    private const long NoLimit = 1L << 61;

    /// <summary>`memory.max` and `memory.limit_in_bytes`: bytes, or <see cref="long.MaxValue"/> for none.</summary>
    public static long? Limit(ReadOnlySpan<byte> text)
    {
        var value = text.TrimEnd("\n "u8);
        if (value.SequenceEqual("max"u8)) return long.MaxValue;
        return Utf8Parser.TryParse(value, out long bytes, out var length) && length == value.Length && bytes >= 0
            ? bytes >= NoLimit ? long.MaxValue : bytes
            : null;
    }

    /// <summary>`memory.events` (version 2) and `memory.oom_control` (version 1, Linux 4.13 and later): processes killed so far.</summary>
    public static long? OomKills(ReadOnlySpan<byte> text)
    {
        var lines = new KeyedText(text);
        while (lines.Next())
            if (lines.Key.SequenceEqual("oom_kill"u8)) return lines.Value;
        return null;
    }

    /// <summary>`memory.stat` of version 2. Null when it lacks what a memory controller always tells.</summary>
    public static MemoryReading? Stat2(ReadOnlySpan<byte> text)
    {
        long anon = -1, file = 0, shmem = 0, socket = 0, kernel = -1, parts = 0, reclaimable = 0;
        var lines = new KeyedText(text);
        while (lines.Next())
        {
            var key = lines.Key;
            var value = lines.Value;
            if (key.SequenceEqual("anon"u8)) anon = value;
            else if (key.SequenceEqual("file"u8)) file = value;
            else if (key.SequenceEqual("shmem"u8)) shmem = value;
            else if (key.SequenceEqual("sock"u8)) socket = value;
            else if (key.SequenceEqual("kernel"u8)) kernel = value;
            else if (key.SequenceEqual("slab_reclaimable"u8)) reclaimable = value;
            else if (key.SequenceEqual("slab_unreclaimable"u8) || key.SequenceEqual("kernel_stack"u8) || key.SequenceEqual("pagetables"u8)
                || key.SequenceEqual("percpu"u8) || key.SequenceEqual("vmalloc"u8)) parts += value;
        }

        if (anon < 0) return null;
        // The sum of all kernel memory is told since Linux 5.18 and has parts that are not told one by one.
        var held = kernel < 0 ? parts : Math.Max(0, kernel - reclaimable);
        return new(anon, shmem, held, socket, Math.Max(0, file - shmem) + reclaimable);
    }

    /// <summary>
    /// `memory.stat` of version 1 with `memory.kmem.usage_in_bytes`, which counts reclaimable slabs too: the files of version 1 do not tell them apart.
    /// Socket buffers have a limit of their own there and are left out.
    /// </summary>
    public static (MemoryReading Memory, long Limit)? Stat1(ReadOnlySpan<byte> text, long kernelBytes)
    {
        long anon = -1, totalAnon = -1, cache = 0, totalCache = -1, shmem = 0, totalShmem = -1, limit = long.MaxValue;
        var lines = new KeyedText(text);
        while (lines.Next())
        {
            var key = lines.Key;
            var value = lines.Value;
            if (key.SequenceEqual("rss"u8)) anon = value;
            else if (key.SequenceEqual("total_rss"u8)) totalAnon = value;
            else if (key.SequenceEqual("cache"u8)) cache = value;
            else if (key.SequenceEqual("total_cache"u8)) totalCache = value;
            else if (key.SequenceEqual("shmem"u8)) shmem = value;
            else if (key.SequenceEqual("total_shmem"u8)) totalShmem = value;
            else if (key.SequenceEqual("hierarchical_memory_limit"u8)) limit = value >= NoLimit ? long.MaxValue : value;
        }

        if (anon < 0) return null;
        // Without use_hierarchy there are no totals, and children count for themselves.
        var shared = totalShmem >= 0 ? totalShmem : shmem;
        var pages = totalCache >= 0 ? totalCache : cache;
        return (new(totalAnon >= 0 ? totalAnon : anon, shared, kernelBytes, 0, Math.Max(0, pages - shared)), limit);
    }

    /// <summary>
    /// `memory.pressure` of version 2 (kernel documentation: accounting/psi.rst): `some avg10=0.12 avg60=0.03 avg300=0.00 total=123456`, then the same of `full`; totals are microseconds.
    /// Null where it tells none; version 1 has no such file.
    /// </summary>
    public static MemoryStalls? Stalls(ReadOnlySpan<byte> text)
    {
        long? some = null, full = null;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range];
            var at = line.LastIndexOf("total="u8);
            if (at < 0 || !Utf8Parser.TryParse(line[(at + 6)..], out long total, out _)) continue;
            if (line.StartsWith("some "u8)) some = total;
            else if (line.StartsWith("full "u8)) full = total;
        }

        return some is { } waited ? new(TimeSpan.FromMicroseconds(waited), TimeSpan.FromMicroseconds(full ?? 0)) : null;
    }

    /// <summary>A file that holds one whole number.</summary>
    public static long? Number(ReadOnlySpan<byte> text)
        => Utf8Parser.TryParse(text.TrimEnd("\n "u8), out long value, out _) ? value : null;
}
