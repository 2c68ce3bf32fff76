namespace DrainProxy.Decisions.Bridging;

/// <summary>What is known of an attempt at the app that failed.</summary>
/// <param name="BytesSent">Bytes of the request may have reached the app; false only when none can have.</param>
/// <param name="Refused">The app said that it has not processed the request: REFUSED_STREAM, or a stream above GOAWAY's last (RFC 9113 sections 8.7 and 6.8).</param>
/// <param name="AnswerBegun">A byte of an answer has come.</param>
/// <param name="Idempotent">The method is, by its definition (RFC 9110 section 9.2.2).</param>
/// <param name="BodyGone">The request's body has been taken from the client and was not kept whole: it cannot be sent again.</param>
public readonly record struct FailedAttempt(bool BytesSent, bool Refused, bool AnswerBegun, bool Idempotent, bool BodyGone);

/// <summary>Whether a failed attempt is made again, and what that costs.</summary>
public enum Replay
{
    /// <summary>The client is told.</summary>
    Never,

    /// <summary>The app has run nothing: again, as often as the hold lasts, or as it refuses.</summary>
    Free,

    /// <summary>The app may have seen it: again within the budget against retry storms.</summary>
    Budgeted,
}

/// <summary>
/// The table of what may be sent to the app again (RFC 9110 section 9.2.2). Read from top to bottom, the first row that fits decides:
/// <list type="table">
/// <item><term>an answer has begun</term><description>never</description></item>
/// <item><term>the body is gone</term><description>never</description></item>
/// <item><term>nothing sent, or refused unprocessed</term><description>free, whatever the method</description></item>
/// <item><term>sent, idempotent</term><description>within the budget</description></item>
/// <item><term>sent, not idempotent</term><description>never: it may have been executed</description></item>
/// </list>
/// </summary>
public static class ReplayRule
{
    /// <summary>How often one request is sent again that the app may have seen, or has refused unprocessed. SocketsHttpHandler repeats the refused ones of each attempt up to three times, too.</summary>
    public const int Most = 2;

    public static Replay Decide(FailedAttempt attempt) => attempt switch
    {
        { AnswerBegun: true } or { BodyGone: true } => Replay.Never,
        { BytesSent: false } or { Refused: true } => Replay.Free,
        { Idempotent: true } => Replay.Budgeted,
        _ => Replay.Never,
    };

    /// <summary>
    /// How long to wait before a request that the app may have seen is sent again. The first time not at all: most often a kept connection was given up.
    /// Then after 300 ms: the kernel takes a killed process's memory before its sockets, and until then the dying listener takes what it will never answer.
    /// </summary>
    /// <param name="replay">From 1 to <see cref="Most"/>.</param>
    public static TimeSpan Pause(int replay) => replay <= 1 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(300);
}

/// <summary>
/// Bounds replays of requests that the app may have seen, so that an app in trouble is not asked twice as much: a tenth of the requests
/// of the last seconds (the share that Envoy's and Finagle's retry budgets default near to), and a few in any case. Not thread-safe.
/// </summary>
public sealed class ReplayBudget
{
    /// <summary>Replays allowed in one window however few the requests are: an app with a handful of connections that it closes all at once.</summary>
    public const int Least = 20;

    private const int Share = 10;

    /// <summary>Length of the window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    private TimeSpan windowStart;
    private long requestsAtStart;
    private long requestsLast;
    private long spent;
    private bool begun;

    /// <summary>Takes one replay from the budget; false when there is none left.</summary>
    /// <param name="requests">Requests in all so far, a count that only goes up.</param>
    /// <param name="now">The time.</param>
    public bool Take(long requests, TimeSpan now)
    {
        if (!begun || now - windowStart >= Window)
        {
            // The window before counts for the start of the new one, or the first second of each would have no budget.
            requestsAtStart = begun && now - windowStart < Window * 2 ? requestsLast : requests;
            (windowStart, spent, begun) = (now, 0, true);
            requestsLast = requests;
        }

        if (spent >= Math.Max(Least, (requests - requestsAtStart) / Share)) return false;
        spent++;
        return true;
    }
}
