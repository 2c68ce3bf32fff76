using System.Collections.Concurrent;

namespace DrainProxy.Demo.Load;

/// <summary>What the clients of one arm saw. Failures are kept by their reason.</summary>
internal sealed class Tally
{
    private readonly ConcurrentDictionary<string, int> _failures = new();
    private readonly Lock _lock = new();
    private int _requests;
    private int _failed;
    private TimeSpan _longestWait;
    private int _kills;

    /// <param name="waited">From the first byte sent to the last one received, or to the failure.</param>
    /// <param name="failure">Null for the right answer.</param>
    public void Add(TimeSpan waited, string? failure)
    {
        lock (_lock)
        {
            _requests++;
            if (waited > _longestWait)
                _longestWait = waited;
            if (failure is not null)
                _failed++;
        }

        if (failure is not null)
            _failures.AddOrUpdate(failure, 1, (_, count) => count + 1);
    }

    /// <summary>An app was killed for its memory.</summary>
    public void AddKill() => Interlocked.Increment(ref _kills);

    public Outcome Snapshot()
    {
        lock (_lock)
            return new Outcome(_requests, _failed, _longestWait, new SortedDictionary<string, int>(_failures, StringComparer.Ordinal), Volatile.Read(ref _kills));
    }
}

/// <summary>The counts of one arm of one scenario.</summary>
internal sealed record Outcome(int Requests, int Failed, TimeSpan LongestWait, IReadOnlyDictionary<string, int> Failures, int Kills = 0)
{
    public static Outcome None { get; } = new(0, 0, TimeSpan.Zero, new Dictionary<string, int>());

    public double FailedPercent => Requests == 0 ? 0 : 100.0 * Failed / Requests;
}
