using System.Collections.Concurrent;

namespace DrainProxy.Proxy.Tests.NodeRemoval;

/// <summary>The real clock, but that pauses between questions are over at once and written down; limits of answers stay as long as they are.</summary>
internal sealed class QuickPauses : TimeProvider
{
    private static readonly double[] OfThePace = [1, 2, 5, 8, 10, 16, 20, 32, 40, 60];
    private readonly ConcurrentQueue<double> pauses = new();

    /// <summary>Seconds, in order.</summary>
    public IReadOnlyList<double> Seconds => [.. pauses];

    /// <summary>How long limits are; null: as they are.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>Which durations are limits of answers and not pauses, in seconds.</summary>
    public IReadOnlyList<double> Limits { get; init; } = [2, 4, 70, 130];

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (Limits.Contains(dueTime.TotalSeconds)) return base.CreateTimer(callback, state, Limit ?? dueTime, period);
        if (!OfThePace.Contains(dueTime.TotalSeconds)) return base.CreateTimer(callback, state, dueTime, period);
        pauses.Enqueue(dueTime.TotalSeconds);
        return base.CreateTimer(callback, state, TimeSpan.FromMilliseconds(1), period);
    }
}
