using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Supervision;

/// <summary>What the data path can do for whoever replaces the app: hold requests, lead them to another side, see off those under way.</summary>
/// <param name="listener">The listener's own target, which the sides stand behind.</param>
/// <param name="create">Makes the target of one side, with a count of its own and the listener's monitor.</param>
/// <param name="streams">Open streams, all of this one app.</param>
/// <param name="probe">Learns the app's idle timeout on a target.</param>
internal sealed class AppSwitch(
    AppTarget listener, Func<AppAddress, AppTarget> create, StreamRegistry streams, Func<AppTarget, CancellationToken, Task> probe, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private AppTarget? serving;
    private CancellationTokenSource? probing;

    /// <summary>Requests wait from now on.</summary>
    public void Hold() => listener.Monitor.Suspend();

    /// <summary>New requests, and those that wait, go to the side at this address, which has been seen to answer.</summary>
    /// <returns>The side that served before; to be seen off with <see cref="SeeOff"/>. Null when none did.</returns>
    public Side? Lead(AppAddress address)
    {
        var before = Detach();
        serving = create(address);
        listener.SwitchTo(serving);
        listener.Monitor.Watch(address);
        probing = new();
        _ = probe(serving, probing.Token);
        return before;
    }

    /// <summary>The serving side without a successor: after <see cref="Hold"/>.</summary>
    public Side? Detach()
    {
        var side = serving is null ? null : new Side(serving, probing!);
        (serving, probing) = (null, null);
        return side;
    }

    /// <summary>Waits until nothing is under way to a side that gets no new requests; false when the time was over before.</summary>
    public async Task<bool> SeeOff(Side? side, TimeSpan longest)
    {
        if (side is null) return true;
        // Streams without an end of their own would keep the old side for ever; their clients open them anew, at the new side.
        foreach (var stream in streams.Of(StreamKind.Sse, StreamKind.Websocket)) stream.End();
        side.Probing.Cancel();
        var since = time.GetTimestamp();
        while (side.Target.Use!.Count > 0 && time.GetElapsedTime(since) < longest) await Task.Delay(Look, time);
        var done = side.Target.Use.Count == 0;
        // Idle connections would keep a server that closes gracefully waiting for nothing.
        if (done) side.Target.Pool.Dispose();
        return done;
    }

    public void Dispose()
    {
        probing?.Cancel();
        serving?.Pool.Dispose();
    }

    /// <summary>A side of the app as the data path knows it.</summary>
    internal sealed record Side(AppTarget Target, CancellationTokenSource Probing);
}
