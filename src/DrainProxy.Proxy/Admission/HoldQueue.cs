using DrainProxy.Decisions.Bridging;

namespace DrainProxy.Proxy.Admission;

/// <summary>The requests that wait for one app, first come first served; let go by <see cref="SlowStart"/> when it answers.</summary>
internal sealed class HoldQueue(TimeProvider time)
{
    private readonly Lock gate = new();
    private readonly LinkedList<TaskCompletionSource> waiting = new();
    private SlowStart slowStart;
    private ITimer? ticks;
    private volatile bool running;

    /// <summary>How many wait.</summary>
    public int Count
    {
        get { lock (gate) return waiting.Count; }
    }

    /// <summary>Waits at the end of the queue; the caller gives the time and the reasons to stop.</summary>
    /// <param name="keeps">Whether nobody may go; false before <see cref="Follow"/> or <see cref="Next"/> is called.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="cancel">Reasons to stop.</param>
    /// <exception cref="TimeoutException">The time is over.</exception>
    /// <exception cref="OperationCanceledException">The client left, or the drain cuts.</exception>
    public async Task Wait(Func<bool> keeps, TimeSpan limit, CancellationToken cancel)
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LinkedListNode<TaskCompletionSource> place;
        lock (gate)
        {
            // The app has come up between the caller's look and this lock: nobody would wake a newcomer.
            if (!keeps() && !slowStart.Running) return;
            place = waiting.AddLast(turn);
        }

        try
        {
            await turn.Task.WaitAsync(limit, time, cancel);
        }
        catch when (!turn.Task.IsCompleted)
        {
            lock (gate)
            {
                if (place.List is not null) waiting.Remove(place);
            }

            throw;
        }
    }

    /// <summary>
    /// The app has begun or ceased to answer. Asked again inside the lock: two changes at one moment may come here in the other order, and those who
    /// wait would stay behind an app that answers.
    /// </summary>
    /// <param name="admits">Whether requests may go to the app; what it says has changed before this call.</param>
    public void Follow(Func<bool> admits)
    {
        List<TaskCompletionSource> go;
        lock (gate)
        {
            if (!admits())
            {
                slowStart.Stop();
                End();
                return;
            }

            if (slowStart.Running) return;
            go = Take(slowStart.Begin(waiting.Count));
            running = slowStart.Running;
            if (running) ticks ??= time.CreateTimer(static q => ((HoldQueue)q!).Tick(), this, SlowStart.Tick, SlowStart.Tick);
        }

        Release(go);
    }

    /// <summary>One may try whether the app answers.</summary>
    public void Next()
    {
        List<TaskCompletionSource> go;
        lock (gate) go = Take(1);
        Release(go);
    }

    /// <summary>A request was answered. On the hot path: one read while nobody waits.</summary>
    public void Answered()
    {
        if (!running) return;
        List<TaskCompletionSource> go;
        lock (gate)
        {
            go = Take(slowStart.Answered(waiting.Count));
            if (!slowStart.Running) End();
        }

        Release(go);
    }

    private void Tick()
    {
        List<TaskCompletionSource> go;
        lock (gate)
        {
            go = Take(slowStart.Ticked(waiting.Count));
            if (!slowStart.Running) End();
        }

        Release(go);
    }

    private void End()
    {
        running = false;
        ticks?.Dispose();
        ticks = null;
    }

    private List<TaskCompletionSource> Take(int count)
    {
        var taken = new List<TaskCompletionSource>(count);
        for (; count > 0 && waiting.First is { } first; count--)
        {
            taken.Add(first.Value);
            waiting.RemoveFirst();
        }

        return taken;
    }

    private static void Release(List<TaskCompletionSource> go)
    {
        foreach (var turn in go) turn.TrySetResult();
    }
}
