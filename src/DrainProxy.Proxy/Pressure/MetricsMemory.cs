using DrainProxy.Decisions.Pressure;

namespace DrainProxy.Proxy.Pressure;

/// <summary>The newest figure of the app's own metrics as a source; gone when there was none for a while.</summary>
internal sealed class MetricsMemory(AppMetrics metrics) : IMemorySource
{
    public MemoryMethod Method => MemoryMethod.Metrics;

    public string Description => metrics.Newest is { } memory ? $"{metrics.Shown} {memory.Name}" : metrics.Shown;

    public string Identity => "";

    public bool TryRead(out MemoryFigures figures)
    {
        figures = default;
        if (metrics.Newest is not { } memory) return false;
        // The runtime does not say what of it the kernel could take back: all of it is taken for heap.
        figures = new(new(memory.UsedBytes, 0, 0, 0, 0), memory.LimitBytes, null);
        return true;
    }

    public bool StillHolds() => true;

    /// <summary>The questions go on, whoever reads their answers.</summary>
    public void Dispose()
    {
    }
}
