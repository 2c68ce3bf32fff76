namespace DrainProxy.Decisions.Pressure.Ladder;

/// <summary>What is given up, step by step, as memory runs out.</summary>
public enum LadderStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Heavy requests wait; one may still run alone.</summary>
    HeavyStopped,

    /// <summary>Sheddable requests are refused as well.</summary>
    SheddableStopped,

    /// <summary>Readiness fails; only probes and critical requests pass, the others wait.</summary>
    OnlyCritical,
}

/// <summary>What the ladder is decided by.</summary>
/// <param name="Now">Time of the sample.</param>
/// <param name="UsedBytes">What the app holds.</param>
/// <param name="TopBytes">Up to where requests are admitted.</param>
/// <param name="LimitBytes">The app's limit.</param>
/// <param name="TimeToOom">At the growth of this moment.</param>
/// <param name="HeavyRunning">Whether heavy requests are with the app: growth beside them is theirs.</param>
public readonly record struct LadderInput(TimeSpan Now, double UsedBytes, double TopBytes, long LimitBytes, TimeSpan TimeToOom, bool HeavyRunning);

/// <summary>
/// One step at a time, up when the step before has not helped for a while, down when it has been quiet for longer: every step reverses itself.
/// Standing high alone never climbs beyond the first step, since retained heap is no danger; growth does.
/// </summary>
public struct PressureLadder
{
    /// <summary>How long the app must be above the band before the first step.</summary>
    public static readonly TimeSpan ToHeavyStopped = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a step gets to show its effect before the next one.</summary>
    public static readonly TimeSpan ToNext = TimeSpan.FromMilliseconds(300);

    /// <summary>How long it must be quiet before a step is taken back; doubled for the last two.</summary>
    public static readonly TimeSpan Back = TimeSpan.FromMilliseconds(500);

    /// <summary>Below this time to OOM the second step is due.</summary>
    public static readonly TimeSpan SheddableAt = TimeSpan.FromSeconds(3);

    /// <summary>Below this time to OOM the last step is due.</summary>
    public static readonly TimeSpan CriticalAt = TimeSpan.FromSeconds(1.5);

    /// <summary>Share of the limit by which the app must fall below the band before a step is taken back.</summary>
    public const double Hysteresis = 0.02;

    /// <summary>Share of the limit by which a reading must be above all since the step began to count as growth.</summary>
    public const double NewHigh = 0.002;

    private double highest;
    private TimeSpan? lightSince;
    private TimeSpan? highSince;
    private TimeSpan? quietSince;

    /// <summary>Where it stands.</summary>
    public LadderStep Step { get; private set; }

    /// <summary>Since when.</summary>
    public TimeSpan Since { get; private set; }

    /// <summary>Takes a sample in; true when the step has changed.</summary>
    public bool Observe(in LadderInput input)
    {
        var above = input.UsedBytes > input.TopBytes;
        lightSince = input.HeavyRunning ? null : lightSince ?? input.Now;
        highSince = above ? highSince ?? input.Now : null;
        // Back needs a clear distance, or the end of growth where the app stands high for good.
        var risen = input.UsedBytes > highest + (NewHigh * input.LimitBytes);
        if (risen) highest = input.UsedBytes;
        var quiet = input.UsedBytes <= input.TopBytes - (Hysteresis * input.LimitBytes) || (Step > LadderStep.HeavyStopped && !risen);
        quietSince = quiet ? quietSince ?? input.Now : null;
        var before = Step;
        Step = Step switch
        {
            LadderStep.None when highSince is { } high && input.Now - high >= ToHeavyStopped => LadderStep.HeavyStopped,
            LadderStep.HeavyStopped when above && Ripe(input) && input.TimeToOom < SheddableAt => LadderStep.SheddableStopped,
            // Growth beside heavy requests ends with them: nobody else is kept from the app for it.
            LadderStep.SheddableStopped when above && Ripe(input) && input.TimeToOom < CriticalAt
                && input.UsedBytes > (input.TopBytes + input.LimitBytes) / 2 && input.Now - (lightSince ?? input.Now) >= ToNext => LadderStep.OnlyCritical,
            LadderStep.HeavyStopped when Calm(input, Back) => LadderStep.None,
            LadderStep.SheddableStopped when Calm(input, Back * 2) => LadderStep.HeavyStopped,
            LadderStep.OnlyCritical when Calm(input, Back * 2) => LadderStep.SheddableStopped,
            _ => Step,
        };
        if (Step == before) return false;
        (Since, quietSince, highest) = (input.Now, null, input.UsedBytes);
        return true;
    }

    /// <summary>Nothing is known any more: nothing is given up.</summary>
    public bool Reset(TimeSpan now)
    {
        if (Step == LadderStep.None) return false;
        (Step, Since, highSince, quietSince) = (LadderStep.None, now, null, null);
        return true;
    }

    private readonly bool Ripe(in LadderInput input) => input.Now - Since >= ToNext;

    private readonly bool Calm(in LadderInput input, TimeSpan time) => quietSince is { } since && input.Now - since >= time;
}
