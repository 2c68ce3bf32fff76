namespace DrainProxy.Proxy.Listening;

/// <summary>
/// How many downstream connections may be open at once. Full means that accepting pauses, not that a connection is closed: a load
/// balancer's connect then waits in the kernel's queue. Descriptors beyond the cap stay free for the admin listener, the app's side and
/// files, so that probes, metrics and the drain work when all are taken.
/// </summary>
internal sealed class ConnectionRoom(int limit)
{
    /// <summary>Descriptors kept beside those open at start: program files that are opened late, admin callers, log, /proc.</summary>
    public const int Reserve = 96;

    private readonly Lock gate = new();
    private TaskCompletionSource? freed;
    private int taken;

    /// <summary>Most connections at once.</summary>
    public int Limit => limit;

    public bool IsThere => Volatile.Read(ref taken) < limit;

    /// <summary>The cap that a descriptor limit allows: each request in flight needs a second one towards the app.</summary>
    /// <param name="descriptors">RLIMIT_NOFILE of this process.</param>
    /// <param name="open">Descriptors open at start, most of them program files; more of these are opened when their code is first needed.</param>
    /// <param name="asked">--max-connections; 0: as many as the descriptors allow.</param>
    public static int Cap(long descriptors, long open, int asked)
    {
        var allowed = Exchanges(descriptors, open);
        return asked > 0 ? Math.Min(asked, allowed) : allowed;
    }

    /// <summary>
    /// The other half: exchanges at once with apps that take a connection for each. HTTP/1.1 clients cannot come to more, each having one on
    /// a connection of its own; HTTP/2 clients have a hundred on one.
    /// </summary>
    public static int Exchanges(long descriptors, long open) => (int)Math.Clamp((descriptors - open - Reserve) / 2, 16, 1_000_000);

    public void Take() => Interlocked.Increment(ref taken);

    public void Free()
    {
        Interlocked.Decrement(ref taken);
        if (Volatile.Read(ref freed) is null) return;
        TaskCompletionSource? waiting;
        lock (gate) (waiting, freed) = (freed, null);
        waiting?.TrySetResult();
    }

    /// <summary>Completes when there is room.</summary>
    public async Task Wait(CancellationToken cancel)
    {
        while (!IsThere)
        {
            Task wait;
            lock (gate) wait = (freed ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            // Room that came between the look and the wait.
            if (IsThere) return;
            await wait.WaitAsync(cancel);
        }
    }
}
