namespace DrainProxy.Decisions.Pressure.Costs;

/// <summary>
/// The app's growth without the jitter of readings: kernels count in batches for each processor, and what goes up and down by a few hundred KB a hundred times a second would add up to megabytes that no request took.
/// Slow growth is not lost: it counts when it has left the band.
/// </summary>
internal struct GrowthFilter
{
    /// <summary>The band as a part of the limit: 0.75 MB of 1.5 GB.</summary>
    private const double BandShare = 1.0 / 2048;

    /// <summary>And at most: what two dozen processors keep back (64 pages each, Linux mm/memcontrol.c).</summary>
    private const double MostBand = 6e6;

    private double from;
    private bool any;

    /// <summary>Takes a reading in.</summary>
    /// <returns>By how much the app has grown, in bytes; negative when it has shrunk, zero within the band.</returns>
    public double Observe(double used, double limit)
    {
        var moved = any ? used - from : 0;
        if (any && Math.Abs(moved) < Math.Min(limit * BandShare, MostBand)) return 0;
        (from, any) = (used, true);
        return moved;
    }
}
