using System.Diagnostics.Metrics;
using System.Runtime.ExceptionServices;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>
/// The `dotnet_*` families, named as the OpenTelemetry conventions name them where Prometheus' own rules allow (no `_count` on a gauge).
/// Own instruments rather than the runtime's meter: that one counts exceptions by type, an open label set, and only from the first one on.
/// </summary>
internal sealed class RuntimeInstruments : IDisposable
{
    private static readonly string[] Generations = ["gen0", "gen1", "gen2", "loh", "poh"];
    private long exceptions;

    public RuntimeInstruments(Meter meter)
    {
        AppDomain.CurrentDomain.FirstChanceException += Count;
        var collections = new Series();
        // The runtime counts a collection of a generation for the younger ones too.
        for (var i = 0; i <= GC.MaxGeneration; i++)
        {
            var generation = i;
            collections.Add(() => GC.CollectionCount(generation) - (generation < GC.MaxGeneration ? GC.CollectionCount(generation + 1) : 0),
                ("gc.heap.generation", Generations[generation]));
        }

        meter.CreateObservableCounter("dotnet.gc.collections", collections.Observe, "{collection}", "Garbage collections, by the oldest generation collected.");
        meter.CreateObservableCounter("dotnet.gc.heap.total_allocated", () => GC.GetTotalAllocatedBytes(), "By", "Allocated on the managed heap since start.");
        meter.CreateObservableCounter("dotnet.gc.pause.time", () => GC.GetTotalPauseDuration().TotalSeconds, "s", "Time spent with all threads paused for collections.");
        meter.CreateObservableGauge("dotnet.gc.last_collection.heap.size", HeapSizes, "By", "Size of the managed heap after the last collection.");
        meter.CreateObservableGauge("dotnet.gc.last_collection.memory.committed_size", () => GC.GetGCMemoryInfo().TotalCommittedBytes, "By",
            "Memory the collector had committed after the last collection.");
        meter.CreateObservableGauge("dotnet.thread_pool.threads", () => ThreadPool.ThreadCount, "{thread}", "Threads in the pool.");
        meter.CreateObservableGauge("dotnet.thread_pool.queue.length", () => ThreadPool.PendingWorkItemCount, "{work_item}", "Work items waiting for a thread.");
        meter.CreateObservableCounter("dotnet.thread_pool.work_items", () => ThreadPool.CompletedWorkItemCount, "{work_item}", "Work items done.");
        meter.CreateObservableCounter("dotnet.monitor.lock_contentions", () => Monitor.LockContentionCount, "{contention}", "Waits for a lock held by another thread.");
        meter.CreateObservableCounter("dotnet.exceptions", () => Volatile.Read(ref exceptions), "{exception}", "Exceptions thrown, handled ones included.");
    }

    public void Dispose() => AppDomain.CurrentDomain.FirstChanceException -= Count;

    private static IEnumerable<Measurement<long>> HeapSizes()
    {
        var sizes = GC.GetGCMemoryInfo().GenerationInfo;
        var measurements = new Measurement<long>[Math.Min(sizes.Length, Generations.Length)];
        for (var i = 0; i < measurements.Length; i++) measurements[i] = new(sizes[i].SizeAfterBytes, KeyValuePair.Create("gc.heap.generation", (object?)Generations[i]));
        return measurements;
    }

    private void Count(object? sender, FirstChanceExceptionEventArgs e) => Interlocked.Increment(ref exceptions);
}
