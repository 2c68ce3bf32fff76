namespace DrainProxy.Decisions.Pressure.Ladder;

/// <summary>How fast the app's memory grows, and when it would be full: two slopes, one for what happens now and one for what lasts.</summary>
public struct Forecast
{
    /// <summary>200 MB appear in a tenth of a second: the fast slope must see it within some samples.</summary>
    private const double FastSeconds = 0.1;

    /// <summary>Long enough to look past one request's ups and downs.</summary>
    private const double SlowSeconds = 1;

    /// <summary>Slower growth than this share of the limit a second is no forecast but noise.</summary>
    private const double Noise = 0.0005;

    private PressureSample last;
    private bool any;

    /// <summary>Bytes a second over about a tenth of a second.</summary>
    public double FastSlope { get; private set; }

    /// <summary>Bytes a second over about a second.</summary>
    public double SlowSlope { get; private set; }

    /// <summary>Time until the limit is reached if it goes on like this; <see cref="TimeSpan.MaxValue"/> when it is not in sight.</summary>
    public readonly TimeSpan TimeToOom => any ? To(last, SlowSlope) : TimeSpan.MaxValue;

    /// <summary>The same from the fast slope: for braking, not for telling.</summary>
    public readonly TimeSpan TimeToOomNow => any ? To(last, FastSlope) : TimeSpan.MaxValue;

    /// <summary>Takes a sample in.</summary>
    public void Observe(in PressureSample sample)
    {
        var seconds = (sample.At - last.At).TotalSeconds;
        if (any && seconds > 0)
        {
            var slope = (sample.UsedBytes - last.UsedBytes) / seconds;
            FastSlope += (slope - FastSlope) * (1 - Math.Exp(-seconds / FastSeconds));
            SlowSlope += (slope - SlowSlope) * (1 - Math.Exp(-seconds / SlowSeconds));
        }

        any = true;
        last = sample;
    }

    private static TimeSpan To(in PressureSample sample, double slope) =>
        sample.LimitBytes == long.MaxValue || slope < sample.LimitBytes * Noise ? TimeSpan.MaxValue : TimeSpan.FromSeconds(Math.Min(sample.HeadroomBytes / slope, 1e6));
}
