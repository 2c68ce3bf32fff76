namespace DrainProxy.Decisions.Pressure.Recycling;

/// <summary>What is decided about replacing the app.</summary>
public enum RecycleVerdict
{
    /// <summary>Not needed, or not allowed.</summary>
    No,

    /// <summary>Due, at the next quiet moment.</summary>
    WaitForQuiet,

    /// <summary>Now.</summary>
    Now,
}

/// <summary>What the decision needs.</summary>
/// <param name="Now">Time of the sample.</param>
/// <param name="LowestBytes">The lowest reading of late: what the app holds when it has little to do.</param>
/// <param name="UsedBytes">What it holds now.</param>
/// <param name="LimitBytes">Its limit.</param>
/// <param name="Climbs">Whether the lowest readings climb.</param>
/// <param name="InFlight">Requests with the app.</param>
public readonly record struct RecycleInput(TimeSpan Now, double LowestBytes, double UsedBytes, long LimitBytes, bool Climbs, int InFlight);

/// <summary>
/// When a leaking app is replaced: it holds more than allowed at its lowest and that climbs. In a quiet moment; where none comes, before the
/// limit does. Never twice within the spacing, which doubles while replacing does not help. A share of luck keeps pods apart.
/// </summary>
/// <param name="at">Share of the limit from which on, 0 to 1; 0 never.</param>
/// <param name="luck">0 to 1, drawn once per process: pods that began together do not recycle together.</param>
public sealed class RecycleRule(double at, double luck)
{
    /// <summary>Time between two, at least.</summary>
    public static readonly TimeSpan Spacing = TimeSpan.FromSeconds(10);

    /// <summary>Time between two when replacing does not help, at most.</summary>
    public static readonly TimeSpan LongestSpacing = TimeSpan.FromHours(1);

    /// <summary>How long a quiet moment is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>Share of the limit by which luck brings it forward, at most.</summary>
    public const double Jitter = 0.05;

    private TimeSpan? dueSince;
    private TimeSpan? last;
    private TimeSpan spacing = Spacing;

    /// <summary>From where on, in bytes, for this process.</summary>
    public double Threshold(long limitBytes) => limitBytes * (at - (Math.Min(Jitter, at / 4) * luck));

    /// <summary>The decision for a sample.</summary>
    public RecycleVerdict Decide(in RecycleInput input)
    {
        if (at <= 0 || input.LimitBytes is <= 0 or long.MaxValue) return RecycleVerdict.No;
        var threshold = Threshold(input.LimitBytes);
        if (input.LowestBytes < threshold || !(input.Climbs || dueSince is not null))
        {
            dueSince = null;
            return RecycleVerdict.No;
        }

        if (last is { } before && input.Now - before < spacing) return RecycleVerdict.No;
        dueSince ??= input.Now;
        // Half of the way from the threshold to the limit is where waiting for quiet ends.
        var urgent = input.UsedBytes > (threshold + input.LimitBytes) / 2 || input.Now - dueSince > Patience;
        return urgent || input.InFlight == 0 ? RecycleVerdict.Now : RecycleVerdict.WaitForQuiet;
    }

    /// <summary>The app was replaced.</summary>
    /// <param name="now">When.</param>
    public void Recycled(TimeSpan now)
    {
        // One that was due again within two spacings has not helped much.
        spacing = last is { } before && now - before < spacing * 1.5 && spacing < LongestSpacing ? spacing * 2 : Spacing;
        (last, dueSince) = (now, null);
    }
}
