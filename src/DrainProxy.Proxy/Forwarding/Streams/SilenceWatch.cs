namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>
/// The body of an answer whose app may be silent for a limited time only. When such an exchange is given up, the forwarder tells that it was cancelled or that
/// the app has ended it: this knows whether the app was being waited for, and for how long.
/// </summary>
internal sealed class SilenceWatch(Stream inner, TimeSpan limit, TimeProvider time) : PassingStream(inner)
{
    private long waitsSince;

    /// <summary>The app has been waited for as long as it may be silent. Timers may be a little early.</summary>
    public bool IsOver => Volatile.Read(ref waitsSince) is not 0 and var since && time.GetElapsedTime(since) >= limit * 0.95;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Volatile.Write(ref waitsSince, time.GetTimestamp());
        // A read that fails leaves the time as it is: it is asked for then.
        var read = await Inner.ReadAsync(buffer, cancellationToken);
        Volatile.Write(ref waitsSince, 0);
        return read;
    }
}
