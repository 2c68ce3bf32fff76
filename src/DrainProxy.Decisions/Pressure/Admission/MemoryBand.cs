namespace DrainProxy.Decisions.Pressure.Admission;

/// <summary>
/// How far the app's memory may be filled: the limit less the reserve. Where the app stands above that when nothing heavy runs (a runtime
/// that has taken its heap for good), the reserve shrinks to half of what is left: retained heap must not shed for ever.
/// </summary>
public struct MemoryBand
{
    /// <summary>A lower reading counts at once; a higher one is believed by and by, as nothing lower comes.</summary>
    private static readonly TimeSpan BaselineWindow = TimeSpan.FromSeconds(5);

    private double lowest;
    private double lowestBefore;
    private TimeSpan windowSince;

    /// <summary>The app's limit, in bytes.</summary>
    public long LimitBytes { get; private set; }

    /// <summary>What the app holds between heavy requests: the lowest reading of 5 to 10 seconds without them, or a lower one since, in bytes.</summary>
    public readonly double BaselineBytes => windowSince == TimeSpan.MinValue ? lowest : Math.Min(lowest, lowestBefore);

    /// <summary>What is never admitted into, in bytes.</summary>
    public double ReserveBytes { get; private set; }

    /// <summary>Up to here requests are admitted, in bytes.</summary>
    public readonly double TopBytes => LimitBytes - ReserveBytes;

    /// <summary>Takes a sample in.</summary>
    /// <param name="sample">What the app holds.</param>
    /// <param name="reserve">Share of the limit kept free, 0 to 0.9, or bytes when above 1.</param>
    /// <param name="heavy">Heavy requests are with the app: what it holds then is theirs, and no reason to give the reserve up.</param>
    public void Observe(in PressureSample sample, double reserve, bool heavy)
    {
        if (LimitBytes == 0) (lowest, lowestBefore, windowSince) = (sample.UsedBytes, sample.UsedBytes, sample.At);
        LimitBytes = sample.LimitBytes;
        if (sample.At - windowSince > BaselineWindow && !heavy)
        {
            (lowestBefore, lowest, windowSince) = (lowest, sample.UsedBytes, sample.At);
        }
        else if (sample.UsedBytes < lowest)
        {
            lowest = sample.UsedBytes;
        }

        var wanted = reserve > 1 ? Math.Min(reserve, LimitBytes * 0.9) : LimitBytes * reserve;
        ReserveBytes = Math.Min(wanted, Math.Max(0, (LimitBytes - BaselineBytes) / 2));
    }
}
