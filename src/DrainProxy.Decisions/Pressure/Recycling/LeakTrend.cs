namespace DrainProxy.Decisions.Pressure.Recycling;

/// <summary>
/// Whether what the app holds at its lowest climbs: the lowest readings of windows of three lengths, so that a leak of minutes and one of hours
/// are both seen. A heap that has found its size goes up and down at some length; a leak only goes up. Windows of a fourth, short length show a
/// rise of seconds, which a collector's garbage looks like as well: reason enough next to the limit only.
/// </summary>
public sealed class LeakTrend
{
    /// <summary>Windows in a row that must each stand higher than the one before.</summary>
    public const int InARow = 7;

    /// <summary>Share of the limit that they must have climbed in all.</summary>
    public const double LeastClimb = 0.03;

    private const int Short = 0;

    /// <summary>What is lowest is said of windows of this length: longer than a busy moment, shorter than it takes to fill an app.</summary>
    private const int Usual = 1;

    private static readonly TimeSpan[] Lengths =
        [TimeSpan.FromMilliseconds(250), TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(5)];

    private readonly Scale[] scales = Array.ConvertAll(Lengths, length => new Scale(length));

    /// <summary>The lowest reading of the newest whole window of two seconds, in bytes; 0 before there is one.</summary>
    public double Lowest => scales[Usual].Newest;

    /// <summary>The lowest reading of the first two seconds, in bytes: what the app holds when it has just come up. Null before they are over.</summary>
    public double? Start { get; private set; }

    /// <summary>Takes a reading in.</summary>
    public void Observe(TimeSpan at, double used)
    {
        foreach (var scale in scales) scale.Observe(at, used);
        if (Start is null && Lowest > 0) Start = Lowest;
    }

    /// <summary>Whether it climbs.</summary>
    /// <param name="limitBytes">The app's limit.</param>
    public bool Climbs(long limitBytes)
    {
        for (var i = Usual; i < scales.Length; i++)
            if (scales[i].Climbs(limitBytes * LeastClimb)) return true;
        return false;
    }

    /// <summary>Whether it has risen for some seconds.</summary>
    /// <param name="limitBytes">The app's limit.</param>
    public bool Rises(long limitBytes) => scales[Short].Climbs(limitBytes * LeastClimb);

    /// <summary>Another app from now on.</summary>
    public void Reset()
    {
        foreach (var scale in scales) scale.Reset();
        Start = null;
    }

    private sealed class Scale(TimeSpan length)
    {
        private readonly double[] minima = new double[InARow];
        private int count;
        private TimeSpan since;
        private double lowest = double.MaxValue;

        public double Newest => count == 0 ? 0 : minima[(count - 1) % InARow];

        public void Observe(TimeSpan at, double used)
        {
            if (lowest == double.MaxValue) since = at;
            lowest = Math.Min(lowest, used);
            if (at - since < length) return;
            minima[count++ % InARow] = lowest;
            lowest = double.MaxValue;
        }

        public bool Climbs(double least)
        {
            if (count < InARow) return false;
            for (var i = 1; i < InARow; i++)
                if (minima[(count + i) % InARow] <= minima[(count + i - 1) % InARow]) return false;
            return minima[(count + InARow - 1) % InARow] - minima[count % InARow] >= least;
        }

        public void Reset() => (count, lowest) = (0, double.MaxValue);
    }
}
