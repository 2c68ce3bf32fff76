namespace DrainProxy.Decisions.Bridging;

/// <summary>What is known of a client's connection when it ends and no exchange is under way on it.</summary>
/// <param name="SinceAnswer">Time since the kernel took the last byte of the last answer; null when there was none.</param>
/// <param name="Broken">It ended by a reset, or by the kernel giving up; else by a FIN, or by us.</param>
/// <param name="Unacknowledged">Bytes that the client's side has not acknowledged, or that were never sent for want of its room.</param>
public readonly record struct ConnectionEnd(TimeSpan? SinceAnswer, bool Broken, long Unacknowledged);

/// <summary>
/// Whether the last answer on a connection was lost on its way back: the app gave it, the kernel took it, and the client's side never did.
/// <list type="table">
/// <item><term>bytes are unacknowledged, the connection broke</term><description>lost</description></item>
/// <item><term>bytes are unacknowledged, and there was time for the acknowledgement</term><description>lost</description></item>
/// <item><term>bytes are unacknowledged, closed in order right after the answer</term><description>nobody can know: not counted</description></item>
/// <item><term>all acknowledged, broken right after the answer</term><description>lost: a close with unread bytes is a reset (RFC 9293 section 3.6.1)</description></item>
/// <item><term>all acknowledged, else</term><description>taken: an idle connection that is reset has lost nothing</description></item>
/// </list>
/// </summary>
public static class ResponseLoss
{
    /// <summary>Longer than a round trip with one retransmission (RFC 6298 section 2: the first timeout is a second), shorter than any idle timeout.</summary>
    public static readonly TimeSpan RightAfter = TimeSpan.FromSeconds(1);

    public static bool IsLost(ConnectionEnd end) => end switch
    {
        { SinceAnswer: null } => false,
        { Unacknowledged: > 0, Broken: true } => true,
        { Unacknowledged: > 0 } => end.SinceAnswer >= RightAfter,
        { Broken: true } => end.SinceAnswer < RightAfter,
        _ => false,
    };
}
