namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>All that one reading found. Immutable: decisions, metrics and `/state` read the same one.</summary>
/// <param name="Sample">What decisions need.</param>
/// <param name="Memory">Its memory in parts.</param>
/// <param name="Source">Where the memory was read: a folder, process ids or a URL; empty for none.</param>
public sealed record PressureSnapshot(PressureSample Sample, MemoryReading Memory, string Source)
{
    /// <summary>Gets the sockets of the pod: some seconds old at most.</summary>
    public SocketSnapshot Sockets { get; init; } = SocketSnapshot.Unknown;

    /// <summary>Gets what the app's cgroup tells beside its use: half a second old at most.</summary>
    public CgroupCharge Charge { get; init; }

    /// <summary>Gets how many connections wait for our own accept.</summary>
    public int OwnAcceptQueue { get; init; }

    /// <summary>Gets what is known before the first reading, and where nothing can be read.</summary>
    public static PressureSnapshot Unknown { get; } =
        new(new(TimeSpan.Zero, MemoryMethod.None, 0, long.MaxValue, 0, 0, 0, 0, int.MaxValue), default, "");
}
