namespace DrainProxy.Decisions.Supervising;

/// <summary>
/// How long an app that ended by itself is left alone: doubled with each exit in a row, with jitter, so that apps that fail for a common
/// reason do not come back together. A stretch of good health makes the next exit the first again.
/// </summary>
/// <param name="Exits">Exits in a row; zero or more.</param>
public readonly record struct BackOff(int Exits)
{
    /// <summary>After the first exit: well inside the hold, so that one crash is a pause for the clients.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause; a developer who mended the app does not wait for it (a file change ends it).</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Serving for this long is health; the kubelet asks for ten minutes, which suits a machine rather than a person.</summary>
    public static readonly TimeSpan HealthyStretch = TimeSpan.FromSeconds(10);

    /// <summary>The state after an exit.</summary>
    /// <param name="served">How long the app had served before; zero when it never answered.</param>
    public BackOff AfterExit(TimeSpan served) => new(served >= HealthyStretch ? 1 : Math.Min(Exits + 1, 1000));

    /// <summary>The pause that is due: between half of the exponential step and all of it.</summary>
    /// <param name="jitter">0 to below 1, evenly distributed.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="jitter"/> is not in its range.</exception>
    public TimeSpan Pause(double jitter)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(jitter);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(jitter, 1);
        if (Exits <= 0) return TimeSpan.Zero;
        var step = Math.Min(Longest.TotalMilliseconds, First.TotalMilliseconds * Math.Pow(2, Exits - 1));
        return TimeSpan.FromMilliseconds(step * (1 + jitter) / 2);
    }
}
