using DrainProxy.Decisions.SlowPeers;

namespace DrainProxy.Proxy.Listening.Http2;

/// <summary>Which streams of one HTTP/2 connection may begin, until its client has taken an answer: see <see cref="StreamStarts"/>.</summary>
/// <param name="crowd">All connections.</param>
/// <param name="backlog">What this one's client leaves in our memory.</param>
internal sealed class NewStreams(StreamCrowd crowd, Backlog backlog)
{
    private readonly Queue<Waiter> waiters = new();
    private StartCount started = new(StreamStarts.Window);
    private volatile bool proven;
    private int running;
    private int answered;

    /// <summary>The client takes its answers: nothing is asked any more.</summary>
    public bool IsProven => proven;

    /// <summary>Waits until a stream may begin, and counts it until <see cref="Leave"/>; false when it is refused.</summary>
    /// <param name="clientGone">The client has reset it, or left.</param>
    /// <exception cref="OperationCanceledException">The client has gone meanwhile.</exception>
    public ValueTask<bool> Enter(CancellationToken clientGone)
    {
        if (proven) return new(true);
        Waiter waiter;
        lock (waiters)
        {
            var now = crowd.Now;
            if (waiters.Count == 0 && Decide(now, TimeSpan.Zero) == StreamStart.Now)
            {
                Count(now);
                return new(true);
            }

            waiters.Enqueue(waiter = new(now));
        }

        crowd.Wait(this);
        // Proven between the two: whoever proved it has not seen this one.
        if (proven) Look();
        return new(Begin(waiter, clientGone));
    }

    /// <summary>A stream that began is over.</summary>
    /// <param name="isAnswered">Its answer has left our memory by the client's will.</param>
    public void Leave(bool isAnswered)
    {
        lock (waiters)
        {
            running--;
            if (isAnswered) answered++;
            if (waiters.Count == 0) return;
        }

        Look();
    }

    /// <summary>An answer's content was taken.</summary>
    public void Prove()
    {
        if (proven) return;
        proven = true;
        Look();
    }

    /// <summary>Lets go who may; false when nobody waits any more.</summary>
    public bool Look()
    {
        lock (waiters)
        {
            var now = crowd.Now;
            while (waiters.TryPeek(out var first))
            {
                var decided = proven ? StreamStart.Now : Decide(now, now - first.Since);
                if (decided == StreamStart.Wait) return true;
                waiters.Dequeue();
                // Its client may have gone meanwhile.
                if (first.TrySetResult(decided == StreamStart.Now) && decided == StreamStart.Now) Count(now);
            }

            return false;
        }
    }

    private async Task<bool> Begin(Waiter waiter, CancellationToken clientGone)
    {
        try
        {
            return await waiter.Task.WaitAsync(clientGone);
        }
        catch (OperationCanceledException)
        {
            if (!waiter.TrySetCanceled(clientGone) && await waiter.Task) Leave(isAnswered: false);
            throw;
        }
    }

    private StreamStart Decide(TimeSpan now, TimeSpan waited) =>
        StreamStarts.Decide(new(backlog.IsTight, crowd.Started(now), started.At(now), running, answered, backlog.Held, waited));

    private void Count(TimeSpan now)
    {
        running++;
        started.Add(now);
        crowd.Add(now);
    }

    private sealed class Waiter(TimeSpan since) : TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public TimeSpan Since => since;
    }
}

/// <summary>The streams of all connections whose clients have proven nothing yet.</summary>
internal sealed class StreamCrowd : IDisposable
{
    /// <summary>How often those that wait are looked at, while there are some.</summary>
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    private readonly TimeProvider time;
    private readonly long startedAt;
    private readonly ITimer timer;
    private readonly Lock gate = new();
    private readonly HashSet<NewStreams> waiting = [];
    private StartCount started = new(StreamStarts.CrowdWindow);

    public StreamCrowd(TimeProvider time)
    {
        this.time = time;
        startedAt = time.GetTimestamp();
        timer = time.CreateTimer(_ => Look(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Time since this was made.</summary>
    public TimeSpan Now => time.GetElapsedTime(startedAt);

    public int Started(TimeSpan now)
    {
        lock (gate) return started.At(now);
    }

    public void Add(TimeSpan now)
    {
        lock (gate) started.Add(now);
    }

    /// <summary>A connection has streams that wait.</summary>
    public void Wait(NewStreams streams)
    {
        lock (gate)
        {
            if (waiting.Add(streams) && waiting.Count == 1) timer.Change(Step, Step);
        }
    }

    public void Dispose() => timer.Dispose();

    private void Look()
    {
        NewStreams[] all;
        lock (gate) all = [.. waiting];
        foreach (var streams in all)
        {
            if (streams.Look()) continue;
            lock (gate) waiting.Remove(streams);
            // One that came to wait between the two would not be looked at.
            if (streams.Look()) Wait(streams);
        }

        lock (gate)
        {
            if (waiting.Count == 0) timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }
}
