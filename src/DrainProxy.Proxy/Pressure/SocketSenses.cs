using System.IO.Enumeration;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Pressure;

/// <summary>
/// The sockets of the pod: queues of listeners with each reading, which costs microseconds; everything else a few times a minute and beside the sampler, since it means walking through all
/// connections: memory is read on meanwhile. <see cref="Queues"/> and <see cref="Look"/> on the sampler's turn only.
/// </summary>
/// <param name="app">Where the app is.</param>
/// <param name="appProcesses">The app's processes as far as they are visible.</param>
/// <param name="ownPorts">The ports that we listen on, data and admin.</param>
internal sealed partial class SocketSenses(
    Func<AppAddress> app, Func<IReadOnlyList<int>> appProcesses, Func<IReadOnlyCollection<int>> ownPorts, TimeProvider time, ILogger log) : IDisposable
{
    private const int MostProcesses = 64;

    private readonly byte[] buffer = new byte[32 * 1024];
    private readonly Dictionary<SocketOwner, (SocketLeak Leak, List<long> Inodes)> closeWait =
        Enum.GetValues<SocketOwner>().ToDictionary(o => o, _ => (new SocketLeak(), new List<long>()));
    private readonly Lazy<SocketDiag?> diag = new(SocketDiag.Open);
    private readonly Lazy<SocketDiag?> table = new(SocketDiag.Open);
    private SocketSnapshot last = SocketSnapshot.Unknown;
    private int appQueue;
    private long? lookedAt;
    private long cost;

    /// <summary>Length and limit of the app's accept queue, and length of our own; 0 where nobody tells.</summary>
    public (int AppWaiting, int AppLimit, int OwnWaiting) Queues()
    {
        if (diag.Value?.Listeners() is not { } listeners) return (Volatile.Read(ref appQueue), 0, 0);
        var (port, own) = (AppPort(), ownPorts());
        var (waiting, limit, ours) = (0, 0, 0);
        foreach (var queue in listeners)
        {
            if (own.Contains(queue.Port)) ours += queue.Waiting;
            else if (queue.Port == port) (waiting, limit) = (waiting + queue.Waiting, limit + queue.Limit);
        }

        return (waiting, limit, ours);
    }

    /// <summary>What the last look has found, and begins a new one when it is due.</summary>
    public SocketSnapshot Look(TimeSpan now)
    {
        if (Looking.IsCompleted && (lookedAt is not { } then || time.GetElapsedTime(then) >= SamplingPace.Sockets(time.GetElapsedTime(0, Volatile.Read(ref cost)))))
        {
            lookedAt = time.GetTimestamp();
            Looking = Task.Run(() => LookAround(now));
        }

        return Volatile.Read(ref last);
    }

    /// <summary>Ends with the look that is under way.</summary>
    public void Dispose()
    {
        Looking.Wait();
        if (diag.IsValueCreated) diag.Value?.Dispose();
        if (table.IsValueCreated) table.Value?.Dispose();
    }

    /// <summary>The look that is under way, or was the last one.</summary>
    internal Task Looking { get; private set; } = Task.CompletedTask;

    private void LookAround(TimeSpan now)
    {
        var began = time.GetTimestamp();
        Volatile.Write(ref last, Read(now));
        Volatile.Write(ref cost, time.GetTimestamp() - began);
    }

    private int AppPort() => app() is { Scheme: not AppScheme.Unix } tcp ? tcp.Port : 0;

    private SocketSnapshot Read(TimeSpan now)
    {
        var port = AppPort();
        if (table.Value is null && port > 0) Volatile.Write(ref appQueue, AcceptQueue.Depth([port]));
        var processes = appProcesses();
        var (counts, toApp) = Count(new(port, ownPorts()), port, processes);
        var verdicts = Enum.GetValues<SocketOwner>().ToDictionary(o => o, o => Judge(o, now));
        return new(
            counts, NetText.Troubles(KernelFile.Text("/proc/self/net/netstat") ?? "", KernelFile.Text("/proc/self/net/snmp") ?? ""),
            NetText.Node(KernelFile.Text("/proc/self/net/sockstat") ?? ""), verdicts[SocketOwner.App], verdicts[SocketOwner.DrainProxy], verdicts[SocketOwner.Other],
            toApp, NetText.PortRange(KernelFile.Text("/proc/sys/net/ipv4/ip_local_port_range") ?? ""), Descriptors(processes));
    }

    private (SocketCounts? Counts, int TimeWaitToApp) Count(SocketOwnership ownership, int appPort, IReadOnlyList<int> processes)
    {
        foreach (var (_, inodes) in closeWait.Values) inodes.Clear();
        var counts = new SocketCounts();
        var toApp = 0;
        HashSet<long>? appInodes = null;
        var told = table.Value?.EachSocket(Take) ?? EachLine();
        return (told ? counts : null, toApp);

        void Take(in SocketRow row)
        {
            var owner = ownership.ByPort(row) ?? ((appInodes ??= Inodes(processes)).Contains(row.Inode) ? SocketOwner.App : SocketOwner.Other);
            counts.Add(row.State, owner);
            if (row.State == TcpState.CloseWait) closeWait[owner].Inodes.Add(row.Inode);
            if (row.State == TcpState.TimeWait && row.RemotePort == appPort) toApp++;
        }

        bool EachLine()
        {
            var any = false;
            foreach (var file in (ReadOnlySpan<string>)["/proc/self/net/tcp", "/proc/self/net/tcp6"])
            {
                any |= KernelFile.EachLine(file, buffer, line =>
                {
                    if (SocketRow.Parse(line) is { } row) Take(row);
                });
            }

            return any;
        }
    }

    private LeakVerdict Judge(SocketOwner owner, TimeSpan now)
    {
        var (leak, inodes) = closeWait[owner];
        var verdict = leak.Look(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(inodes), now);
        if (verdict.Suspected && !last.LeakOf(owner).Suspected)
            LogLeak(log, SocketInstruments.NameOf(owner), verdict.Aged, verdict.Oldest.TotalSeconds);
        return verdict;
    }

    private static HashSet<long> Inodes(IReadOnlyList<int> processes) => [.. processes.Take(MostProcesses).SelectMany(ListeningPorts.SocketsOf)];

    private (long Open, long Limit)? Descriptors(IReadOnlyList<int> processes)
    {
        (long Open, long Limit)? fewest = null;
        foreach (var id in processes.Take(MostProcesses))
        {
            if (CountOpen($"/proc/{id}/fd") is not { } open || ProcStat.MaxOpenFiles(KernelFile.Read($"/proc/{id}/limits", buffer)) is not { } limit) continue;
            if (fewest is not { } other || limit - open < other.Limit - other.Open) fewest = (open, limit);
        }

        return fewest;
    }

    private static long? CountOpen(string folder)
    {
        try
        {
            return new FileSystemEnumerable<byte>(folder, static (ref FileSystemEntry _) => 0).LongCount();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [LoggerMessage(302, LogLevel.Warning, "Sockets of {Owner} stay in CLOSE_WAIT: {Count}, the oldest for {Oldest:0} s. It does not close what its peers have closed", EventName = "socket_leak")]
    private static partial void LogLeak(ILogger log, string owner, int count, double oldest);
}
