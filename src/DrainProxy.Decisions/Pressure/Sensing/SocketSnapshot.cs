namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>The sockets of the pod's network namespace at one moment; what is the node's is named so. Immutable once published.</summary>
/// <param name="Counts">By state and owner; null where nobody tells.</param>
/// <param name="Troubles">The pod's counters.</param>
/// <param name="Node">The node's figures.</param>
/// <param name="AppLeak">Whether the app keeps what its peers have closed.</param>
/// <param name="OwnLeak">Whether we do.</param>
/// <param name="OtherLeak">Whether somebody else in the pod does.</param>
/// <param name="TimeWaitToApp">Ports that closed connections to the app still keep, of <paramref name="PortRange"/>.</param>
/// <param name="PortRange">Ports that connections to the app can have.</param>
/// <param name="AppDescriptors">Descriptors of the app's process that has the fewest left, and its limit; null where nobody tells.</param>
public sealed record SocketSnapshot(
    SocketCounts? Counts, TcpTroubles Troubles, NodeSockets Node, LeakVerdict AppLeak, LeakVerdict OwnLeak, LeakVerdict OtherLeak, int TimeWaitToApp, int PortRange,
    (long Open, long Limit)? AppDescriptors)
{
    /// <summary>Gets what is known before the first look.</summary>
    public static SocketSnapshot Unknown { get; } = new(null, default, default, default, default, default, 0, 0, null);

    /// <summary>Gets how many descriptors the app may still open; <see cref="int.MaxValue"/> where unknown.</summary>
    public int DescriptorsLeft => AppDescriptors is var (open, limit) ? (int)Math.Clamp(limit - open, 0, int.MaxValue) : int.MaxValue;

    /// <summary>Gets the judgement about an owner.</summary>
    public LeakVerdict LeakOf(SocketOwner owner) => owner switch { SocketOwner.App => AppLeak, SocketOwner.DrainProxy => OwnLeak, _ => OtherLeak };
}
