namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>What the user has set of admission.</summary>
public sealed record AdmissionSettings
{
    /// <summary>Share of the limit that is never admitted into (0 to 0.9), or bytes when above 1.</summary>
    public double Reserve { get; init; } = 0.1;

    /// <summary>Hard cap of requests with the app; 0 for none.</summary>
    public int MaxInFlight { get; init; }

    /// <summary>How many may wait in each lane.</summary>
    public int QueueMost { get; init; } = 1000;

    /// <summary>How long each may wait.</summary>
    public TimeSpan QueueTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether memory decides at all (`--shed` is not `off`).</summary>
    public bool ByMemory { get; init; } = true;

    /// <summary>Nobody waits and nobody is refused but for the hard cap; what would have been is told.</summary>
    public bool Shadow { get; init; }
}

/// <summary>What becomes of a request that asks to go on.</summary>
public enum Verdict
{
    /// <summary>It goes to the app.</summary>
    Pass,

    /// <summary>It waits; <see cref="AdmissionControl.Pump"/> names it when its time has come.</summary>
    Wait,

    /// <summary>It is refused.</summary>
    Refuse,
}
