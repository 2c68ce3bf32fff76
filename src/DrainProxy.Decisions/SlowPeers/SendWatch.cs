namespace DrainProxy.Decisions.SlowPeers;

/// <summary>What the kernel says of a connection while an exchange is on it.</summary>
/// <param name="BytesTaken">Bytes that the peer has acknowledged since the connection began.</param>
/// <param name="Outstanding">Bytes wait for the peer: sent and unacknowledged, or not sent for want of room.</param>
/// <param name="NoRoom">Bytes wait because the peer has no room for them.</param>
/// <param name="LeftEarly">The peer has ended its half, and nothing of its answer has been sent.</param>
public readonly record struct Sending(long BytesTaken, bool Outstanding, bool NoRoom, bool LeftEarly);

/// <summary>How slow a peer may be.</summary>
/// <param name="Window">How long it may take next to nothing of its answer; zero: for ever.</param>
/// <param name="LeastRate">What is more than nothing, in bytes a second over the window.</param>
/// <param name="HalfCloseGrace">How long a peer that has ended its half may wait for the first byte of its answer.</param>
public sealed record SlowPeerLimits(TimeSpan Window, int LeastRate, TimeSpan HalfCloseGrace)
{
    /// <summary>Bytes that a peer has to take in one window.</summary>
    public long LeastBytes => (long)(Window.TotalSeconds * LeastRate);
}

/// <summary>What is done with a connection that was looked at.</summary>
public enum SlowPeer
{
    /// <summary>Nothing: it takes its answer, or waits for one.</summary>
    Goes,

    /// <summary>The peer has most likely left: its exchange ends.</summary>
    EndExchange,

    /// <summary>The peer takes too little: its connection ends.</summary>
    EndConnection,
}

/// <summary>
/// Judges by looks, a second or so apart, whether a peer takes its answer. A mutable value: it lives in its connection. What the peer did not
/// take while nobody looked counts by the time that has passed, so looks may come late.
/// </summary>
public struct SendWatch
{
    private TimeSpan? halfClosedAt;
    private TimeSpan? progressAt;
    private long taken;

    /// <summary>One look.</summary>
    /// <param name="seen">What the kernel says.</param>
    /// <param name="now">Time of the look, from any zero; never earlier than the one before.</param>
    /// <param name="limits">How slow a peer may be.</param>
    public SlowPeer Look(in Sending seen, TimeSpan now, SlowPeerLimits limits)
    {
        if (seen.LeftEarly)
        {
            halfClosedAt ??= now;
            return now - halfClosedAt > limits.HalfCloseGrace ? SlowPeer.EndExchange : SlowPeer.Goes;
        }

        halfClosedAt = null;
        if (progressAt is not { } since || IsProgress(seen, limits))
        {
            (progressAt, taken) = (now, seen.BytesTaken);
            return SlowPeer.Goes;
        }

        return limits.Window > TimeSpan.Zero && now - since > limits.Window ? SlowPeer.EndConnection : SlowPeer.Goes;
    }

    /// <summary>No exchange is on the connection: what was seen before says nothing of the next one.</summary>
    public void Forget() => (progressAt, halfClosedAt) = (null, null);

    /// <summary>
    /// A stream of small messages has something unacknowledged at any time: it is slow only where the peer has no room, or takes nothing.
    /// </summary>
    private readonly bool IsProgress(in Sending seen, SlowPeerLimits limits)
    {
        var more = seen.BytesTaken - taken;
        return !seen.Outstanding || more >= limits.LeastBytes || (more > 0 && !seen.NoRoom);
    }
}
