using System.Globalization;

namespace DrainProxy.Decisions.KeepAlive;

/// <summary>
/// How long a connection to the app may stay in the pool: we must be the impatient side, or a request meets the app's FIN. The pool
/// (SocketsHttpHandler) gives idle connections up only when its scavenger runs, every quarter of the timeout and at most once a second,
/// so a connection can be used again until timeout + max(timeout / 4, 1 s) after it went idle.
/// </summary>
public static class UpstreamIdle
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <summary>Longer idle connections save nothing: a connect to the same pod costs tens of microseconds.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    /// <summary>The shortest idle timeout that a known app server has by default (gunicorn: 2 s); assumed until more is known.</summary>
    public static readonly TimeSpan ShortestKnown = TimeSpan.FromSeconds(2);

    /// <summary>Keeps "below" strict.</summary>
    private static readonly TimeSpan Below = TimeSpan.FromMilliseconds(10);

    /// <summary>Steps of <see cref="WhileLearning"/>: each change costs a new pool.</summary>
    private static readonly int[] Steps = [65, 30, 15, 5];

    /// <summary>
    /// The pool's timeout for an app that closes idle connections after <paramref name="appIdle"/> (infinite: never): min(appIdle - 1 s,
    /// half of it), cut so that the scavenger's lag stays inside nine tenths of it. Zero, which turns pooling off, when nothing fits.
    /// </summary>
    public static TimeSpan PoolTimeout(TimeSpan appIdle)
    {
        if (appIdle == Timeout.InfiniteTimeSpan) return Longest;
        var inTime = (appIdle * 0.9) - Below;
        var withLag = inTime - Second >= Second * 4 ? inTime / 1.25 : inTime - Second;
        var timeout = Min(Min(appIdle - Second, appIdle / 2), withLag);
        return timeout <= TimeSpan.Zero ? TimeSpan.Zero : Min(timeout, Longest);
    }

    /// <summary>The pool's timeout while all that is known is that an idle connection has lived for <paramref name="provenAlive"/>.</summary>
    public static TimeSpan WhileLearning(TimeSpan provenAlive)
    {
        foreach (var step in Steps)
        {
            if (provenAlive >= TimeSpan.FromSeconds(step)) return PoolTimeout(TimeSpan.FromSeconds(step));
        }

        return PoolTimeout(ShortestKnown);
    }

    /// <summary>
    /// The `timeout` of a `Keep-Alive` field ("timeout=5, max=100"), the shortest where there are several; null when there is none or it is
    /// not a number of seconds. Zero is one: the app keeps nothing open.
    /// </summary>
    public static TimeSpan? FromKeepAliveHeader(string value)
    {
        TimeSpan? shortest = null;
        foreach (var part in value.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=');
            if (equals < 0 || !part.AsSpan(0, equals).Trim().Equals("timeout", StringComparison.OrdinalIgnoreCase)) continue;
            var text = Unquoted(part.AsSpan(equals + 1).Trim());
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)) return null;
            var timeout = TimeSpan.FromSeconds(seconds);
            shortest = shortest is { } seen ? Min(seen, timeout) : timeout;
        }

        return shortest;
    }

    private static ReadOnlySpan<char> Unquoted(ReadOnlySpan<char> text) =>
        text.Length >= 2 && text[0] == '"' && text[^1] == '"' ? text[1..^1] : text;

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
