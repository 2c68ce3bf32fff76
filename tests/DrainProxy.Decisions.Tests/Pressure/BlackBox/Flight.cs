using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.BlackBox;

namespace DrainProxy.Decisions.Tests.Pressure.BlackBox;

/// <summary>Readings every 10 ms, and requests that come and go by hand.</summary>
internal sealed class Flight(long limit) : IInFlightRequests
{
    public const long MiB = 1 << 20;
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    public OomWatch Watch { get; } = new();

    public FlightRecorder Recorder { get; } = new();

    public List<InFlightRequest> Requests { get; } = [];

    public TimeSpan Now { get; private set; }

    public long Kills { get; set; }

    public long Broken { get; set; }

    public PressureSample Sample(long used) => new(Now, MemoryMethod.Cgroup, used, limit, 0, Kills, 0, 0, int.MaxValue);

    public void Start(string route, long predicted, int count = 1)
    {
        for (var i = 0; i < count; i++) Requests.Add(new(route, Now, predicted));
    }

    public void Record(params long[] used)
    {
        foreach (var bytes in used)
        {
            Now += Step;
            Recorder.Record(Sample(bytes), this);
        }
    }

    public OomIncident? Observe(params long?[] used)
    {
        OomIncident? found = null;
        foreach (var bytes in used)
        {
            Now += Step;
            var sample = bytes is { } known ? Sample(known) : Sample(0) with { Method = MemoryMethod.None, LimitBytes = long.MaxValue };
            found ??= Watch.Observe(sample, this, Broken);
        }

        return found;
    }

    public int CopyTo(Span<InFlightRequest> requests)
    {
        var count = Math.Min(requests.Length, Requests.Count);
        for (var i = 0; i < count; i++) requests[i] = Requests[i];
        return count;
    }
}
