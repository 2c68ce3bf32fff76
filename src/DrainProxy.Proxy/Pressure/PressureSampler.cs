using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// The one reader of memory and sockets. Its newest snapshot is read without a lock; the first request after a rest wakes it, the others cost it nothing. One timer that is set
/// anew after each turn: turns never overlap, and a late one is not made up for.
/// </summary>
internal sealed class PressureSampler : IDisposable
{
    private readonly AppMemory memory;
    private readonly SocketSenses sockets;
    private readonly OwnMemory? own;
    private readonly Func<long> inFlight;
    private readonly Func<bool> watched;
    private readonly Action<Action> awaitWork;
    private readonly Action wake;
    private readonly Func<TimeSpan> now;
    private readonly TimeProvider time;
    private readonly OomKillCount kills = new();
    private readonly Lock turn = new();
    private PressureSnapshot newest = PressureSnapshot.Unknown;
    private FastestGrowth fastest;
    private ITimer? timer;
    private bool stopped;
    private int isSlow;
    private int wanted;
    private int crowded;
    private TimeSpan workedAt = TimeSpan.MinValue;
    private TimeSpan watchedAt = TimeSpan.MinValue;
    private TimeSpan chargedAt = TimeSpan.MinValue;
    private TimeSpan queuedAt = TimeSpan.MinValue;
    private TimeSpan ownedAt = TimeSpan.MinValue;
    private (int AppWaiting, int AppLimit, int OwnWaiting) queues;
    private bool ownNear;
    private long peak;
    private long queuePeak;
    private long appQueuePeak;
    private long readings;
    private long lastTook;
    private long readingTicks;

    /// <param name="memory">Where the app's memory is seen.</param>
    /// <param name="sockets">Where sockets are seen.</param>
    /// <param name="inFlight">How many requests are under way; read with each reading.</param>
    /// <param name="awaitWork">Has its argument called once, with the next request that begins: at rest, that ends the pause.</param>
    /// <param name="now">Monotonic time since the program's start.</param>
    /// <param name="time">Drives the timer and measures what readings cost.</param>
    /// <param name="own">Our own memory, read beside the app's.</param>
    /// <param name="watched">Whether a request that may take memory is under way or waits; read with each reading. Null: any may.</param>
    public PressureSampler(
        AppMemory memory, SocketSenses sockets, Func<long> inFlight, Action<Action> awaitWork, Func<TimeSpan> now, TimeProvider time, OwnMemory? own = null, Func<bool>? watched = null)
    {
        this.own = own;
        (this.memory, this.sockets, this.inFlight, this.awaitWork, this.now, this.time) = (memory, sockets, inFlight, awaitWork, now, time);
        this.watched = watched ?? (() => inFlight() > 0);
        wake = Wake;
    }

    /// <summary>Raised with each reading, on the sampler's own turn: who listens must be quick and must not throw.</summary>
    public event Action<PressureSnapshot>? Sampled;

    /// <summary>All that the last reading found.</summary>
    public PressureSnapshot Newest => Volatile.Read(ref newest);

    /// <summary>The last reading: at most 10 ms old while a request that may take memory is in flight, a tenth of a second with others, half a second at rest.</summary>
    public PressureSample Latest => Newest.Sample;

    /// <summary>How many readings there were, and what one took on average.</summary>
    public (long Count, TimeSpan Each) Cost
    {
        get
        {
            var count = Volatile.Read(ref readings);
            return (count, count == 0 ? TimeSpan.Zero : time.GetElapsedTime(0, Volatile.Read(ref readingTicks)) / count);
        }
    }

    public void Start()
    {
        lock (turn)
        {
            if (stopped) return;
            timer = time.CreateTimer(static sampler => ((PressureSampler)sampler!).Turn(), this, TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>The app came or went: its processes are looked for at once.</summary>
    public void AppChanged() => memory.AppChanged();

    /// <summary>The next reading is due now, our own memory included. From any thread; takes no lock.</summary>
    public void LookSoon()
    {
        Volatile.Write(ref crowded, 1);
        Wake();
    }

    /// <summary>
    /// A request that may take memory is about to ask for room. Where readings are far apart, one is taken first on this thread, so that it is decided by what is used now and its growth begins
    /// there; from now on they follow each other every 10 ms. Does not wait for a reading that is under way.
    /// </summary>
    public void Watch()
    {
        Interlocked.Exchange(ref wanted, 1);
        if (Volatile.Read(ref isSlow) == 0 || !turn.TryEnter()) return;
        try
        {
            if (!stopped) timer?.Change(Look(), Timeout.InfiniteTimeSpan);
        }
        finally
        {
            turn.Exit();
        }
    }

    /// <summary>The highest use since the last call, which starts a new period at the use of now. For the metrics' peak alone.</summary>
    public long TakePeak() => PeakHold.Take(ref peak, Latest.UsedBytes);

    /// <summary>The same for our own accept queue, in connections.</summary>
    public long TakeQueuePeak() => PeakHold.Take(ref queuePeak, Newest.OwnAcceptQueue);

    /// <summary>And for the app's.</summary>
    public long TakeAppQueuePeak() => PeakHold.Take(ref appQueuePeak, Newest.Sample.AcceptQueue);

    /// <summary>Reads out of turn, when something has happened that the next reading would show too late. Waits for a reading that is under way.</summary>
    public void ReadNow()
    {
        lock (turn)
        {
            if (stopped) return;
            Look();
        }

        WakeIfWanted();
    }

    /// <summary>Ends the readings; waits for one that is under way.</summary>
    public void Dispose()
    {
        lock (turn)
        {
            stopped = true;
            timer?.Dispose();
            memory.Dispose();
            sockets.Dispose();
            own?.Dispose();
        }
    }

    /// <summary>One reading.</summary>
    /// <returns>The pause until the next turn.</returns>
    internal TimeSpan Look()
    {
        var at = now();
        if (inFlight() > 0) workedAt = at;
        if (watched()) watchedAt = at;
        // The seldom and long look at all sockets is no part of what a reading costs.
        var network = sockets.Look(at);
        var began = time.GetTimestamp();
        var before = newest;
        var snapshot = Read(at, network);
        if (SamplingPace.Grows(before.Sample, snapshot.Sample)) workedAt = watchedAt = at;
        fastest.Observe(before.Sample, snapshot.Sample);
        Volatile.Write(ref newest, snapshot);
        PeakHold.Raise(snapshot.Sample.UsedBytes, ref peak);
        var took = time.GetTimestamp() - began;
        Volatile.Write(ref readingTicks, readingTicks + took);
        Volatile.Write(ref readings, readings + 1);
        Sampled?.Invoke(snapshot);
        // One that took long may have been kept from its processor; two in a row are dear.
        var cost = Math.Min(took, lastTook);
        lastTook = took;
        var near = OwnIsNear(at);
        var pause = Pace(at, snapshot.Sample, time.GetElapsedTime(0, cost));
        return near && pause > SamplingPace.Busy ? SamplingPace.Busy : pause;
    }

    private TimeSpan Pace(TimeSpan at, in PressureSample sample, TimeSpan cost)
    {
        // What the app's metrics tell is asked for some times a second: readings in between find nothing new.
        var headroom = sample.LimitBytes == long.MaxValue || sample.Method == MemoryMethod.Metrics ? long.MaxValue : sample.HeadroomBytes;
        var calm = SamplingPace.Next(new(Since(workedAt, at), Since(watchedAt, at), headroom, fastest.BytesPerSecond, cost));
        var hurried = SamplingPace.Next(new(TimeSpan.Zero, TimeSpan.Zero, headroom, fastest.BytesPerSecond, cost));
        // Either this turn sees that a request wants to be watched, or that request sees that it could be read sooner.
        Interlocked.Exchange(ref isSlow, calm > hurried ? 1 : 0);
        if (Interlocked.Exchange(ref wanted, 0) == 0) return calm;
        (workedAt, watchedAt) = (at, at);
        Volatile.Write(ref isSlow, 0);
        return hurried;
    }

    /// <summary>Whether our own memory is near its bound. Where it is not, it is looked at less often: twice, where bodies come in at the speed of a network.</summary>
    private bool OwnIsNear(TimeSpan at)
    {
        if (own is null || (Interlocked.Exchange(ref crowded, 0) == 0 && !ownNear && Since(ownedAt, at) < SamplingPace.Slower)) return false;
        ownedAt = at;
        return ownNear = own.Look(at);
    }

    private static TimeSpan Since(TimeSpan then, TimeSpan at) => then == TimeSpan.MinValue ? TimeSpan.MaxValue : at - then;

    private PressureSnapshot Read(TimeSpan at, SocketSnapshot network)
    {
        var (method, source) = (MemoryMethod.None, "");
        if (memory.TryRead(out var figures)) (method, source) = (memory.Method, memory.Description);
        else figures = new(default, long.MaxValue, null);
        if (figures.OomKills is { } counter) kills.Observe(memory.Identity, counter);
        var (waiting, limit, own) = Queues(at);
        var sample = new PressureSample(
            at, method, figures.Memory.UsedBytes, figures.LimitBytes, figures.Memory.ReclaimableBytes, kills.Total, waiting, limit, network.DescriptorsLeft);
        var charge = newest.Charge;
        // Three files that decide nothing.
        if (method == MemoryMethod.None) charge = default;
        else if (Since(chargedAt, at) >= SamplingPace.Idle || newest.Source != source) (charge, chargedAt) = (memory.Charge(), at);
        return new(sample, figures.Memory, source) { Sockets = network, OwnAcceptQueue = own, Charge = charge };
    }

    /// <summary>A queue that nobody stands in is looked at less often.</summary>
    private (int AppWaiting, int AppLimit, int OwnWaiting) Queues(TimeSpan at)
    {
        if (queues is { AppWaiting: 0, OwnWaiting: 0 } && Since(queuedAt, at) < SamplingPace.Slower) return queues;
        (queues, queuedAt) = (sockets.Queues(), at);
        PeakHold.Raise(queues.OwnWaiting, ref queuePeak);
        PeakHold.Raise(queues.AppWaiting, ref appQueuePeak);
        return queues;
    }

    private void Turn()
    {
        lock (turn)
        {
            if (stopped) return;
            timer!.Change(Look(), Timeout.InfiniteTimeSpan);
            if (SamplingPace.Rests(Since(workedAt, now()))) awaitWork(wake);
        }

        WakeIfWanted();
    }

    /// <summary>After a turn: for one that wanted to be watched and found it taken, and for one that began between a reading at rest and the request to be told.</summary>
    private void WakeIfWanted()
    {
        if (Volatile.Read(ref wanted) != 0 || (SamplingPace.Rests(Since(workedAt, now())) && inFlight() > 0)) Wake();
    }

    /// <summary>On the thread of a request: takes no lock.</summary>
    private void Wake()
    {
        try
        {
            timer?.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The program is ending.
        }
    }
}
