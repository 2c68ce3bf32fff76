namespace DrainProxy.Decisions.Pressure.Recycling;

/// <summary>What is decided about replacing the app; from <see cref="Quiet"/> on it is done, and the word says why now.</summary>
public enum RecycleVerdict
{
    /// <summary>Not needed, not allowed, or of no use.</summary>
    No,

    /// <summary>Due, but the last one is too short a time ago.</summary>
    WaitForSpacing,

    /// <summary>Due, at the next moment in which nothing is under way.</summary>
    WaitForQuiet,

    /// <summary>Its memory runs out, and it has been replaced too often of late for that to be the cure.</summary>
    TooOften,

    /// <summary>Nothing is under way.</summary>
    Quiet,

    /// <summary>No quiet moment came for as long as one is waited for, and it still climbs.</summary>
    Overdue,

    /// <summary>Its memory runs out.</summary>
    Urgent,
}

/// <summary>What the decision needs. Bytes are those of readings while no heavy request ran.</summary>
/// <param name="Now">Time of the sample.</param>
/// <param name="StartBytes">What the app held when it had just come up; null when that is not known yet.</param>
/// <param name="LowestBytes">The lowest reading of late: what it holds when it has little to do.</param>
/// <param name="UsedBytes">What it holds now.</param>
/// <param name="LimitBytes">Its limit.</param>
/// <param name="Climbs">Whether the lowest readings climb.</param>
/// <param name="Rises">Whether they have risen for some seconds: a reason next to the limit only.</param>
/// <param name="UnderWay">Requests with the app; those that wait for it are not.</param>
public readonly record struct RecycleInput(
    TimeSpan Now, double? StartBytes, double LowestBytes, double UsedBytes, long LimitBytes, bool Climbs, bool Rises, int UnderWay);

/// <summary>
/// When a leaking app is replaced: it holds more than allowed at its lowest, that climbs, and a new one would hold less. In a quiet moment; where
/// none comes within a minute, in a busy one; and before the limit is reached in any case, without regard to the spacing but a bounded number of
/// times: an app that merely warms up to just below its limit looks the same. A share of luck keeps pods apart.
/// </summary>
/// <param name="at">Share of the limit from which on, 0 to 1; 0 never.</param>
/// <param name="luck">0 to 1, drawn once per process: pods that began together do not recycle together.</param>
/// <param name="spacing">Time between two that are not urgent, at least.</param>
public sealed class RecycleRule(double at, double luck, TimeSpan spacing)
{
    /// <summary>
    /// Where the kubelet restarts the app: it waits 10 s before the second restart, then ever longer, until a container has run for 10 minutes
    /// (Kubernetes, "Pod Lifecycle", container restart policy).
    /// </summary>
    public static readonly TimeSpan SpacingInPod = TimeSpan.FromMinutes(10);

    /// <summary>Where the supervisor replaces it side by side.</summary>
    public static readonly TimeSpan SpacingSupervised = TimeSpan.FromSeconds(10);

    /// <summary>Time between two that are not urgent when replacing does not help, at most.</summary>
    public static readonly TimeSpan LongestSpacing = TimeSpan.FromHours(1);

    /// <summary>How long a quiet moment is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>After one that could not be done: when it is tried again.</summary>
    public static readonly TimeSpan Retry = TimeSpan.FromSeconds(5);

    /// <summary>Urgent ones in a row; one more after each <see cref="SpacingInPod"/>, all of them after an OOM kill, which proves the need.</summary>
    public const int Budget = 5;

    /// <summary>Share of the limit by which luck brings it forward, at most.</summary>
    public const double Jitter = 0.05;

    /// <summary>Share of the limit that a new app must save, or half of what was free when the app came up where that is less.</summary>
    private const double LeastGain = 0.1;

    private readonly TimeSpan shortest = spacing;
    private TimeSpan apart = spacing;
    private TimeSpan? dueSince;
    private TimeSpan? last;
    private TimeSpan? failed;
    private double budget = Budget;
    private TimeSpan budgetAt;

    /// <summary>From where on, in bytes, for this process.</summary>
    public double Threshold(long limitBytes) => limitBytes * (at - (Math.Min(Jitter, at / 4) * luck));

    /// <summary>The decision for a sample.</summary>
    public RecycleVerdict Decide(in RecycleInput input)
    {
        if (at <= 0 || input.LimitBytes is <= 0 or long.MaxValue || !Helps(input)) return Forget();
        var threshold = Threshold(input.LimitBytes);
        // Half of the way from the threshold to the limit is where waiting for quiet ends.
        var urgent = input.UsedBytes > Way(input.LimitBytes, 0.5) && (input.Climbs || input.Rises || Stands(input));
        if (!urgent && (input.LowestBytes < threshold || !(input.Climbs || dueSince is not null))) return Forget();
        if (failed is { } then && input.Now - then < Retry) return RecycleVerdict.WaitForSpacing;
        dueSince ??= input.Now;
        if (urgent) return BudgetAt(input.Now) >= 1 ? RecycleVerdict.Urgent : RecycleVerdict.TooOften;
        if (last is { } before && input.Now - before < apart) return RecycleVerdict.WaitForSpacing;
        if (input.UnderWay == 0) return RecycleVerdict.Quiet;
        return input.Climbs && input.Now - dueSince > Patience ? RecycleVerdict.Overdue : RecycleVerdict.WaitForQuiet;
    }

    /// <summary>Whether the limit is so near that requests under way are no reason to wait any more: the OOM killer would end them all, and the others.</summary>
    public bool MayCut(double usedBytes, long limitBytes) => usedBytes > Way(limitBytes, 0.75);

    /// <summary>The app was replaced.</summary>
    public void Recycled(TimeSpan now, RecycleVerdict why)
    {
        if (why == RecycleVerdict.Urgent)
        {
            (budget, budgetAt) = (BudgetAt(now) - 1, now);
        }
        else
        {
            // One that was due again at once has not helped much.
            apart = last is { } before && now - before < apart * 1.5 ? apart * 2 : shortest;
            if (apart > LongestSpacing) apart = LongestSpacing;
        }

        (last, dueSince, failed) = (now, null, null);
    }

    /// <summary>It could not be replaced.</summary>
    public void Failed(TimeSpan now) => failed = now;

    /// <summary>The OOM killer has been there: replacing it in time is right.</summary>
    public void Killed(TimeSpan now) => (budget, budgetAt) = (Budget, now);

    private RecycleVerdict Forget()
    {
        dueSince = null;
        return RecycleVerdict.No;
    }

    private double Way(long limitBytes, double share) => Threshold(limitBytes) + ((limitBytes - Threshold(limitBytes)) * share);

    /// <summary>High above where it began and next to the limit, even if it climbs too unsteadily to be seen.</summary>
    private bool Stands(in RecycleInput input) =>
        input.UsedBytes > Way(input.LimitBytes, 0.75) && input.LowestBytes > Way(input.LimitBytes, 0.5);

    /// <summary>An app that holds as much when it has just come up is not cured by coming up again.</summary>
    private static bool Helps(in RecycleInput input) => input.StartBytes is { } start
        && input.UsedBytes - start >= Math.Min(LeastGain * input.LimitBytes, (input.LimitBytes - start) / 2);

    private double BudgetAt(TimeSpan now) => Math.Min(Budget, budget + ((now - budgetAt) / SpacingInPod));
}
