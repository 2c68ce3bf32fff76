namespace DrainProxy.Decisions.Pressure;

/// <summary>How the app's memory is measured, best first (design, section 6).</summary>
public enum MemoryMethod
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>The app process's own cgroup files.</summary>
    Cgroup,

    /// <summary>The sum of the resident sets of the app's processes.</summary>
    Processes,

    /// <summary>The runtime's heap gauges from the app's own metrics.</summary>
    Metrics,
}

/// <summary>One reading of what the app uses and may use: what the sampler writes and every decision about pressure reads.</summary>
/// <param name="At">Monotonic time since the program's start.</param>
/// <param name="Method">How it was measured; <see cref="MemoryMethod.None"/> when nothing below is known.</param>
/// <param name="UsedBytes">What the kernel cannot take back (anonymous, shared, unreclaimable kernel and socket memory), in bytes.</param>
/// <param name="LimitBytes">The nearest limit that holds for the app, in bytes; <see cref="long.MaxValue"/> without one.</param>
/// <param name="ReclaimableBytes">Page cache and other memory that the kernel takes back before it kills, in bytes.</param>
/// <param name="OomKills">Kills that the app's cgroup has counted so far.</param>
/// <param name="AcceptQueue">Connections that wait for the app's accept, or 0 where unknown.</param>
/// <param name="AcceptQueueLimit">The length at which the app's accept queue overflows, or 0 where unknown.</param>
/// <param name="DescriptorsLeft">The fewest descriptors that a process of the app may still open; <see cref="int.MaxValue"/> where unknown.</param>
public readonly record struct PressureSample(
    TimeSpan At,
    MemoryMethod Method,
    long UsedBytes,
    long LimitBytes,
    long ReclaimableBytes,
    long OomKills,
    int AcceptQueue,
    int AcceptQueueLimit,
    int DescriptorsLeft)
{
    /// <summary>Gets what may still be allocated before the kernel kills, in bytes.</summary>
    public long HeadroomBytes => Math.Max(0, LimitBytes - UsedBytes);
}
