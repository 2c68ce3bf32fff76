using System.Diagnostics.Metrics;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>The `process_*` families under the names every Prometheus client library gives them.</summary>
internal static class ProcessInstruments
{
    public static void Add(Meter meter, ProcessReader process)
    {
        meter.CreateObservableCounter("process.cpu", () => Environment.CpuUsage.TotalTime.TotalSeconds, "s", "CPU time spent, user and system.");
        Gauge("process.resident_memory", "By", "Memory in RAM.", s => s.ResidentBytes);
        Gauge("process.virtual_memory", "By", "Virtual memory.", s => s.VirtualBytes);
        Gauge("process.open_fds", "{file}", "Open file descriptors.", s => s.OpenFiles);
        Gauge("process.max_fds", "{file}", "Limit of open file descriptors.", s => s.MaxFiles);
        Gauge("process.threads", "{thread}", "Threads of the process.", s => s.Threads);
        meter.CreateObservableGauge("process.start_time", () => One(process.StartTime), "s", "Start of the process, in seconds since 1970 UTC.");

        void Gauge(string name, string unit, string help, Func<ProcessSample, long?> read)
            => meter.CreateObservableGauge(name, () => One(read(process.Read())), unit, help);
    }

    /// <summary>A number the system does not tell is left out: 0 would be a lie.</summary>
    private static Measurement<T>[] One<T>(T? value)
        where T : struct
        => value is { } number ? [new(number)] : [];
}
