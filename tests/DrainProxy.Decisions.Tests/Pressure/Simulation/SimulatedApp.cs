namespace DrainProxy.Decisions.Tests.Pressure.Simulation;

/// <summary>How a runtime deals with what a request has left.</summary>
internal enum Runtime
{
    /// <summary>Garbage stays until a collection, which comes after so much was allocated; a part of what is freed stays with the process (Ruby with glibc).</summary>
    Collected,

    /// <summary>Everything is given back at once (CPython).</summary>
    Returned,

    /// <summary>Freed memory is used again but never given back (Node, JVM).</summary>
    Kept,
}

/// <summary>What one request does: allocates at its share of the processors, holds, ends.</summary>
internal sealed class SimulatedRequest(double bytes, TimeSpan hold)
{
    public double Bytes { get; } = bytes;

    public double Allocated { get; set; }

    public TimeSpan Left { get; set; } = hold;

    public int Worker { get; set; }

    public bool Done { get; set; }

    public bool Killed { get; set; }
}

/// <summary>
/// An app with worker processes in a memory limit, in steps of time. The numbers are those of puma with two workers (facts.md and a recording
/// of it at 10 ms: it swings between 350 and 1,120 MB with three exports of 120 MB at once, and stands at up to 1.2 GB when they are over).
/// </summary>
internal sealed class SimulatedApp(int seed, Runtime runtime, long limit, int workers = 2)
{
    /// <summary>Bytes a second that one processor fills (120 MB in less than a fifth of a second), and processors.</summary>
    private const double FillRate = 0.7e9;
    private const int Processors = 2;
    private const double Base = 35e6;
    private readonly Random random = new(seed);
    private readonly Worker[] all = [.. Enumerable.Range(0, workers).Select(_ => new Worker())];

    public List<SimulatedRequest> Running { get; } = [];

    public int Kills { get; private set; }

    public double Leak { get; set; }

    public double Used
    {
        get
        {
            double sum = Leak;
            foreach (var worker in all) sum += worker.Footprint;
            return sum;
        }
    }

    public double Highest { get; private set; }

    /// <summary>How many times slower it fills memory, because others have the processors.</summary>
    public double Slower { get; init; } = 1;

    public long Limit { get; set; } = limit;

    public void Start(SimulatedRequest request)
    {
        // The least busy worker, as puma's cluster mode tries.
        request.Worker = Enumerable.Range(0, workers).MinBy(w => (Running.Count(r => r.Worker == w), random.Next()));
        Running.Add(request);
    }

    public void Step(TimeSpan time)
    {
        var allocating = Running.Count(r => r.Allocated < r.Bytes);
        var share = FillRate / Slower * time.TotalSeconds * Math.Min(1, Processors / (double)Math.Max(1, allocating));
        foreach (var request in Running.ToArray())
        {
            if (request.Done) continue;
            if (request.Allocated < request.Bytes)
            {
                var bytes = Math.Min(share * (0.7 + (0.6 * random.NextDouble())), request.Bytes - request.Allocated);
                request.Allocated += bytes;
                Allocate(all[request.Worker], bytes);
            }
            else if ((request.Left -= time) <= TimeSpan.Zero)
            {
                request.Done = true;
                Running.Remove(request);
                Free(all[request.Worker], request.Allocated);
            }

            if (Used > Limit) Kill();
        }

        Highest = Math.Max(Highest, Used);
    }

    /// <summary>The kernel takes the largest worker, with all its requests.</summary>
    private void Kill()
    {
        var largest = Array.IndexOf(all, all.MaxBy(w => w.Footprint));
        all[largest] = new();
        Kills++;
        foreach (var request in Running.Where(r => r.Worker == largest)) request.Killed = request.Done = true;
        Running.RemoveAll(r => r.Killed);
    }

    private void Allocate(Worker worker, double bytes)
    {
        worker.SinceCollection += bytes;
        if (runtime == Runtime.Collected && worker.SinceCollection > worker.NextCollection) Collect(worker);
        worker.Live += bytes;
        worker.Footprint = Math.Max(worker.Footprint, worker.Live + worker.Garbage);
    }

    private void Free(Worker worker, double bytes)
    {
        worker.Live -= bytes;
        if (runtime == Runtime.Collected) worker.Garbage += bytes;
        if (runtime == Runtime.Returned) worker.Footprint = worker.Live;
    }

    private void Collect(Worker worker)
    {
        worker.Garbage = 0;
        worker.SinceCollection = 0;
        worker.NextCollection = 150e6 + (350e6 * random.NextDouble()) + (worker.Live / 2);
        var free = worker.Footprint - worker.Live;
        // Sometimes most of it goes back to the system, sometimes nothing.
        worker.Footprint -= free * random.NextDouble();
    }

    private sealed class Worker
    {
        public double Live { get; set; } = Base;

        public double Garbage { get; set; }

        public double Footprint { get; set; } = Base;

        public double SinceCollection { get; set; }

        public double NextCollection { get; set; } = 200e6;
    }
}
