using System.Globalization;

namespace DrainProxy.Decisions.Pressure.BlackBox;

/// <summary>What to do about a kill, from what was seen before it.</summary>
public static class OomAdvice
{
    /// <summary>A curve that starts above this share of the limit was full before the last requests came.</summary>
    public const double FullBefore = 0.8;

    /// <summary>A curve that starts above this share of the limit was half full before: garbage, a heap that cannot be used again, or a leak.</summary>
    public const double KeptShare = 0.5;

    /// <summary>A route below this share of the growth is one among several.</summary>
    public const double ClearShare = 0.5;

    /// <summary>Room that a recommended limit leaves above what is needed: what one reading misses, and the kernel's own.</summary>
    private const double Room = 1.15;

    /// <summary>One or two sentences for whoever reads the log.</summary>
    public static string For(long limitBytes, OomCulprit? culprit, IReadOnlyList<InFlightRequest> requests, IReadOnlyList<CurvePoint> curve)
    {
        var limit = limitBytes == long.MaxValue ? "the limit" : $"the limit of {MiB(limitBytes)}";
        var start = curve.Count > 0 ? curve[0].UsedBytes : 0;
        if (culprit is not { } found || found.Share < ClearShare)
        {
            return culprit is null
                ? $"Memory grew without a watched request: look for work in the background, or raise {limit}."
                : $"Several routes grew together: raise {limit}, or let fewer requests in at once (--max-in-flight).";
        }

        var own = requests.Where(r => r.Route == found.Route).ToList();
        var each = own.Count > 0 ? own.Max(r => r.PredictedBytes) : 0;
        if (limitBytes != long.MaxValue && start > limitBytes * FullBefore && own.Count <= 1)
        {
            return $"{limit[..1].ToUpperInvariant()}{limit[1..]} was nearly full before {found.Route} came: the app keeps memory between requests. Look for a leak, restart it earlier (--recycle-at), and with glibc set MALLOC_ARENA_MAX=2.";
        }

        // What a new class was let in for is no measurement: what was seen is less than it would have taken.
        if (own.Count > 0 && own.TrueForAll(r => r.IsAssumed))
        {
            var seen = (long)(Math.Max(0, curve.Max(p => p.UsedBytes) - start) * found.Share / own.Count);
            return $"{found.Route} was new, and {own.Count} of it had taken {MiB(seen)} each when {limit} was reached, without an end: raise it, or bound in the app what one request takes.";
        }

        if (each <= 0) return $"{found.Route} ran {own.Count} at a time when {limit} was reached: let fewer in at once, or raise the limit.";
        var needed = (long)((start + ((double)each * own.Count)) * Room);
        var tooMany = limitBytes != long.MaxValue && needed > limitBytes;
        // What stood there before is not theirs alone: fewer at once would not have it back.
        if (limitBytes != long.MaxValue && start > limitBytes * KeptShare)
        {
            var larger = tooMany ? $" of about {MiB(needed)}" : "";
            return $"{MiB(start)} of {MiB(limitBytes)} were held before these {own.Count} of {found.Route} at about {MiB(each)} each: garbage that ended requests have left. With glibc set MALLOC_ARENA_MAX=2, let fewer in at once, or give it a larger limit{larger}; if it climbs without end, look for a leak.";
        }

        return tooMany
            ? $"{own.Count} at a time of {found.Route} at about {MiB(each)} each need a limit of about {MiB(needed)}, not {MiB(limitBytes)}: raise it, or let fewer in at once."
            : $"{found.Route} took more than the {MiB(each)} expected of it: its cost depends on what is asked for. Bound that in the app, or raise {limit}.";
    }

    private static string MiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(1, bytes / (1 << 20))} MiB");
}
