using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Proxy.Pressure;

/// <summary>What a source of the app's memory tells at one moment.</summary>
/// <param name="Memory">What is used, in parts.</param>
/// <param name="LimitBytes">The limit; <see cref="long.MaxValue"/> when the source knows of none.</param>
/// <param name="OomKills">The cgroup's counter of kills; null when the source has none.</param>
internal readonly record struct MemoryFigures(MemoryReading Memory, long LimitBytes, long? OomKills);

/// <summary>One way to see the app's memory, attached to what it looks at.</summary>
internal interface IMemorySource : IDisposable
{
    MemoryMethod Method { get; }

    /// <summary>What it looks at: a folder, process ids, a URL.</summary>
    string Description { get; }

    /// <summary>Tells one cgroup from its successor.</summary>
    string Identity { get; }

    /// <summary>False when what it looks at is gone: attach anew.</summary>
    bool TryRead(out MemoryFigures figures);

    /// <summary>What a cgroup tells beside that; empty where there is none. Asked a few times a second at most.</summary>
    CgroupCharge Charge() => default;

    /// <summary>Whether what it looks at is still the app; asked a few times a second at most.</summary>
    bool StillHolds();
}
