namespace DrainProxy.Decisions.SlowPeers;

/// <summary>What becomes of a stream that HTTP/2 has opened.</summary>
public enum StreamStart
{
    /// <summary>Its exchange begins.</summary>
    Now,

    /// <summary>It waits until others have begun, or its client has taken an answer.</summary>
    Wait,

    /// <summary>It is refused: its client leaves answers where they are.</summary>
    Refuse,
}

/// <summary>What is known when a stream wants to begin.</summary>
/// <param name="IsTight">Clients leave so much in our memory that less is taken from apps ahead of them.</param>
/// <param name="StartedByAll">Streams that began within <see cref="StreamStarts.CrowdWindow"/> on connections that have proven nothing.</param>
/// <param name="StartedHere">On this connection, within <see cref="StreamStarts.Window"/>.</param>
/// <param name="RunningHere">On this connection, begun and not over.</param>
/// <param name="AnsweredHere">On this connection, over with an answer that had no content (204, 304, HEAD): such a client proves nothing by taking content, and still waits for nobody.</param>
/// <param name="Held">Bytes that this connection's client leaves in our memory.</param>
/// <param name="Waited">How long it has waited.</param>
public readonly record struct StreamOpening(bool IsTight, int StartedByAll, int StartedHere, int RunningHere, int AnsweredHere, long Held, TimeSpan Waited);

/// <summary>
/// Spreads the streams of HTTP/2 connections whose client has not taken any content yet: a client that gives no window (RFC 9113 section 10.5) costs us an exchange, a
/// connection to the app and its buffers for each stream, and a thousand that begin in one moment cost others their time. Without a crowd
/// nobody waits; the first answer that is taken frees a connection for good.
/// </summary>
public static class StreamStarts
{
    /// <summary>Streams that one connection may begin in a window during a crowd, and that it may have at once beyond those that were answered: enough to prove itself.</summary>
    public const int PerConnection = 4;

    /// <summary>
    /// Streams that make a crowd when they begin in one window, on connections that have proven nothing: ten clients with the 100 streams that Kestrel allows, 40 MB.
    /// </summary>
    public const int Crowd = 1000;

    /// <summary>Bytes left in our memory from which on a client is known to leave answers where they are: some three exchanges that stand still.</summary>
    public const long Stalls = 128 * 1024;

    /// <summary>In which a connection's streams are counted.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(1);

    /// <summary>In which those of all are counted: until those that stand still are known by what is held for them, also on a busy machine.</summary>
    public static readonly TimeSpan CrowdWindow = TimeSpan.FromSeconds(5);

    /// <summary>How long a stream waits at most where answers are left: longer than the way to the client and back.</summary>
    public static readonly TimeSpan StalledPatience = TimeSpan.FromSeconds(1);

    /// <summary>How long any stream waits at most: three windows, in which twelve begin.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Whether the stream begins. Not asked on a connection that is proven.</summary>
    public static StreamStart Decide(in StreamOpening opening)
    {
        if (!opening.IsTight && opening.StartedByAll < Crowd) return StreamStart.Now;
        var stalls = opening.Held >= Stalls;
        if (!stalls && (opening.StartedHere < PerConnection || opening.RunningHere < PerConnection + opening.AnsweredHere)) return StreamStart.Now;
        if (opening.Waited < (stalls ? StalledPatience : Patience)) return StreamStart.Wait;
        return stalls ? StreamStart.Refuse : StreamStart.Now;
    }
}

/// <summary>Counts in windows of time. A mutable value: it lives where it counts.</summary>
/// <param name="window">Length of a window.</param>
public struct StartCount(TimeSpan window)
{
    private TimeSpan start;
    private int count;

    /// <summary>What has been counted in the window of this moment.</summary>
    /// <param name="now">Time from any zero.</param>
    public readonly int At(TimeSpan now) => now - start >= window ? 0 : count;

    /// <summary>Counts one more.</summary>
    /// <param name="now">Time from any zero; never earlier than the one before.</param>
    public void Add(TimeSpan now)
    {
        if (now - start >= window) (start, count) = (now, 0);
        count++;
    }
}
