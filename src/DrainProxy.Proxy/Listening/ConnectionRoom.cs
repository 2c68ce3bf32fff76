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
    private uint accepted;
    private volatile bool paused;

    /// <summary>Connections that take noticeable memory together: about a megabyte.</summary>
    private const int Crowd = 128;

    /// <summary>Raised after so many more connections: without a request nothing else would have memory looked at soon.</summary>
    public Action? Crowded { get; set; }

    /// <summary>Most connections at once.</summary>
    public int Limit => limit;

    public bool IsThere => !paused && Volatile.Read(ref taken) < limit;

    /// <summary>No more connections are accepted for want of memory, however many there are.</summary>
    public bool IsPaused => paused;

    /// <summary>Stops accepting, or goes on.</summary>
    public void Pause(bool pause)
    {
        paused = pause;
        if (!pause) Tell();
    }

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

    public void Take()
    {
        Interlocked.Increment(ref taken);
        if (Interlocked.Increment(ref accepted) % Crowd == 0) Crowded?.Invoke();
    }

    public void Free()
    {
        Interlocked.Decrement(ref taken);
        Tell();
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

    private void Tell()
    {
        if (Volatile.Read(ref freed) is null) return;
        TaskCompletionSource? waiting;
        lock (gate) (waiting, freed) = (freed, null);
        waiting?.TrySetResult();
    }
}
