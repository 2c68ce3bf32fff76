namespace DrainProxy.Bench.Memory;

/// <summary>What `--memory` runs: one app in one limit, and which arms.</summary>
internal sealed record MemoryOptions
{
    /// <summary>Name in <see cref="MemoryApps"/>.</summary>
    public string App { get; init; } = "puma";

    /// <summary>The app's memory limit, in MiB.</summary>
    public int LimitMi { get; init; } = 1500;

    /// <summary>What one export holds, in MiB.</summary>
    public int ExportMi { get; init; } = 120;

    /// <summary>Clients that ask for exports without a pause.</summary>
    public int Clients { get; init; } = 40;

    /// <summary>Light requests a second, sent by the clock.</summary>
    public int LightRate { get; init; } = 40;

    /// <summary>Arms with HAProxy: the whole app behind so many connections at once.</summary>
    public IReadOnlyList<int> MaxConn { get; init; } = [4, 6, 8];

    /// <summary>`bare`, `haproxy`, `drainproxy`.</summary>
    public IReadOnlyList<string> Arms { get; init; } = ["bare", "haproxy", "drainproxy"];

    /// <summary>A file that gets the app's memory every 10 ms, for looking closer; null for none.</summary>
    public string? Trace { get; init; }

    /// <summary>The limit that holds from the middle of the run on, in MiB; 0 for the same.</summary>
    public int LaterLimitMi { get; init; }

    /// <summary>Exports that the app has answered before anybody stands in front of it, four at once: a heap that is full when DrainProxy starts.</summary>
    public int Warm { get; init; }
}
