using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// The best source of the app's memory that can be had from here, by `--memory-source`. Processes end and containers are replaced: a source that is gone is looked for again, soon at
/// first and then ever more seldom, and at once when the app has been seen to come or go.
/// </summary>
internal sealed partial class AppMemory(MemorySource setting, long? limit, Func<AppAddress> app, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LookAtHold = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RecentFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan RecentForNewcomers = TimeSpan.FromMilliseconds(100);
    private readonly AppMetrics? metrics = setting.Metrics is { } url ? new(url, limit is not null, time, log) : null;
    private IMemorySource? source;
    private long triedAt;
    private long heldAt;
    private TimeSpan retry = TimeSpan.Zero;
    private IReadOnlyList<AppProcess> roots = [];
    private Recent? recent;
    private int appChanged;
    private bool leaving;
    private (MemoryMethod Method, string Identity) told = (MemoryMethod.None, "");

    public MemoryMethod Method => source?.Method ?? MemoryMethod.None;

    public string Description => source?.Description ?? "";

    public string Identity => source?.Identity ?? "";

    /// <summary>Who asks the app's own metrics; null where no setting names them.</summary>
    internal AppMetrics? Metrics => metrics;

    /// <summary>What its cgroup tells beside its use. On the sampler's turn only.</summary>
    public CgroupCharge Charge() => source?.Charge() ?? default;

    /// <summary>The app's processes as they are now, as far as they are visible: those that were found, and their descendants.</summary>
    public IReadOnlyList<int> Processes() => roots.Count == 0 ? [] : AppProcesses.WithDescendants(roots.Where(p => p.Lives).Select(p => p.Id));

    /// <summary>The same, some time old: all of /proc is walked for it. Any thread.</summary>
    /// <param name="anew">A tenth of a second old at most, else a second.</param>
    public IReadOnlyList<int> RecentProcesses(bool anew = false)
    {
        var known = Volatile.Read(ref recent);
        if (known is null || !ReferenceEquals(known.Roots, roots) || time.GetElapsedTime(known.At) > (anew ? RecentForNewcomers : RecentFor))
        {
            var now = roots;
            known = new(now, time.GetTimestamp(), Processes());
            Volatile.Write(ref recent, known);
        }

        return known.Ids;
    }

    /// <summary>How many of them may accept connections, as of a second ago at most: a master leaves that to its workers.</summary>
    public int Accepting => RecentProcesses() is { Count: > 1 } all ? all.Count - 1 : roots.Count;

    /// <summary>The app came or went: look at once. From any thread.</summary>
    public void AppChanged() => Interlocked.Exchange(ref appChanged, 1);

    /// <summary>The figures of now; false when nothing can be seen. On the sampler's turn only.</summary>
    public bool TryRead(out MemoryFigures figures)
    {
        figures = default;
        if (leaving) Drop();
        if (setting.Kind == MemorySourceKind.None) return false;
        if (Interlocked.Exchange(ref appChanged, 0) == 1)
        {
            // Its processes are others now, and with auto there may be a better way to see them.
            if (source is MetricsMemory) Drop();
            metrics?.Forget();
            (retry, heldAt) = (TimeSpan.Zero, 0);
        }

        if (source is null or MetricsMemory) metrics?.Poll();
        if (source is not null && (heldAt == 0 || time.GetElapsedTime(heldAt) >= LookAtHold))
        {
            // Its counters have one more thing to tell: whether it was killed.
            leaving = !source.StillHolds();
            heldAt = time.GetTimestamp();
        }

        if (source is null && !TryAttach()) return false;
        if (!source!.TryRead(out figures))
        {
            Drop();
            return false;
        }

        // A cgroup around named processes bounds others, too: it is not the app's own limit.
        if (limit is { } set && (figures.LimitBytes == long.MaxValue || (Method == MemoryMethod.Processes && set < figures.LimitBytes)))
            figures = figures with { LimitBytes = set };
        Tell(figures);
        return true;
    }

    public void Dispose()
    {
        source?.Dispose();
        metrics?.Dispose();
    }

    private void Drop()
    {
        source?.Dispose();
        source = null;
        leaving = false;
        retry = TimeSpan.Zero;
    }

    private bool TryAttach()
    {
        if (retry > TimeSpan.Zero && time.GetElapsedTime(triedAt) < retry) return false;
        triedAt = heldAt = time.GetTimestamp();
        source = Attach();
        retry = source is not null ? TimeSpan.Zero : retry == TimeSpan.Zero ? FirstRetry : retry * 2 < LongestRetry ? retry * 2 : LongestRetry;
        return source is not null;
    }

    private IMemorySource? Attach()
    {
        roots = setting.Kind == MemorySourceKind.Pid ? AppProcess.Of(setting.Pid) is { } named ? [named] : [] : AppProcesses.Of(app());
        switch (setting.Kind)
        {
            case MemorySourceKind.Cgroup:
                return CgroupMemory.Open(setting.Path!, setting.Path!, () => true);
            case MemorySourceKind.Pid or MemorySourceKind.Port:
                return Summed();
            case MemorySourceKind.Metrics:
                return Told();
            default:
                return Seen() ?? Told();
        }
    }

    private IMemorySource? Seen()
    {
        if (roots.Count == 0) return null;
        var cgroup = CgroupOf(roots[0]);
        // A cgroup that we share and that nobody bounds is the whole session: its figures are not the app's.
        if (cgroup is not null && (cgroup.Identity != OwnCgroup() || (cgroup.TryRead(out var figures) && figures.LimitBytes != long.MaxValue))) return cgroup;
        cgroup?.Dispose();
        return Summed();
    }

    private MetricsMemory? Told() => metrics?.Newest is null ? null : new(metrics);

    private ProcessMemory? Summed() => roots.Count == 0 ? null : new(roots, CgroupOf(roots[0]), time);

    /// <summary>The files of a process's cgroup: as the process sees them, which needs its user or CAP_SYS_PTRACE, else as we see them.</summary>
    private static CgroupMemory? CgroupOf(AppProcess process)
    {
        if (KernelFile.Text($"/proc/{process.Id}/cgroup") is not { } cgroup) return null;
        var theirs = KernelFile.Text($"/proc/{process.Id}/mountinfo") is { } mounts ? CgroupLocation.Find(cgroup, mounts) : null;
        return Open(theirs, $"/proc/{process.Id}/root")
            ?? Open(CgroupLocation.Find(cgroup, KernelFile.Text("/proc/self/mountinfo") ?? ""), "");

        CgroupMemory? Open(CgroupLocation? at, string root) => at is null ? null
            : CgroupMemory.Open(root + at.MountPoint.TrimEnd('/') + at.Below, MemoryPath(cgroup), () => process.Lives);
    }

    /// <summary>The memory of the cgroup that this process is in; null where it is not visible, or the root.</summary>
    internal static CgroupMemory? OwnCgroupMemory() => AppProcess.Of(Environment.ProcessId) is { } self ? CgroupOf(self) : null;

    private static string OwnCgroup() => MemoryPath(KernelFile.Text("/proc/self/cgroup") ?? "");

    private static string MemoryPath(string cgroup) => CgroupLocation.PathOf(cgroup) ?? "";

    private void Tell(in MemoryFigures figures)
    {
        if (told == (Method, Identity)) return;
        told = (Method, Identity);
        LogSource(log, Method.ToString().ToLowerInvariant(), Description, figures.LimitBytes == long.MaxValue ? "none" : $"{figures.LimitBytes} bytes");
    }

    /// <summary>Processes as they were.</summary>
    private sealed record Recent(IReadOnlyList<AppProcess> Roots, long At, IReadOnlyList<int> Ids);

    [LoggerMessage(300, LogLevel.Information, "Memory of the app by {Method} ({Source}); limit {Limit}", EventName = "memory_source")]
    private static partial void LogSource(ILogger log, string method, string source, string limit);
}
