using DrainProxy.Decisions.Pressure.Costs;

namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>A request that does not simply pass: it waits, or is watched while it runs.</summary>
public class Ticket(RouteClass route, Priority priority, TimeSpan since) : HeavyRequest(route, since)
{
    /// <summary>Who goes first.</summary>
    public Priority Priority => priority;

    /// <summary>Where it waits.</summary>
    public Lane Lane { get; internal set; }

    /// <summary>Its place in a queue; null when it waits no longer.</summary>
    internal LinkedListNode<Ticket>? Place { get; set; }

    /// <summary>What keeps it.</summary>
    public Refusal Kept { get; internal set; }
}
