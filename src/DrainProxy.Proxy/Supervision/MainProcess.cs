using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Settings;
using OsProcess = DrainProxy.Proxy.Pressure.AppProcess;

namespace DrainProxy.Proxy.Supervision;

/// <summary>Whether the app's main process can be told to stop from here.</summary>
internal enum Reach
{
    /// <summary>It is seen and may be signalled.</summary>
    Reachable,

    /// <summary>Nobody is seen to listen at the app's address: no shared PID namespace, an app elsewhere, or no app.</summary>
    NotSeen,

    /// <summary>It is another user's: it may not be signalled, or its descriptors not be looked at.</summary>
    NotPermitted,
}

/// <summary>
/// The process whose end restarts the app's container, as far as it can be seen: in a pod that shares its PID namespace
/// (`shareProcessNamespace: true`), the first process of another container has no parent here, or the pause process.
/// </summary>
internal static class MainProcess
{
    /// <summary>The main process of the app at an address, and whether it may be signalled.</summary>
    public static (OsProcess? Process, Reach Reach) Find(AppAddress app)
    {
        if (Of(app) is not { } main) return (null, ListeningPorts.Processes().Any(ListeningPorts.IsHidden) ? Reach.NotPermitted : Reach.NotSeen);
        // Signal 0 only asks. One that has ended at this moment is no matter of permission.
        return (main, PosixProcess.Signal(main.Id, 0) ? Reach.Reachable : main.Lives ? Reach.NotPermitted : Reach.NotSeen);
    }

    /// <summary>Null where nobody is seen to listen at the app's address: another PID namespace, or no app.</summary>
    public static OsProcess? Of(AppAddress app) => AppProcesses.Of(app) is [var first, ..] ? Topmost(first, ParentOf, OurLine()) : null;

    /// <summary>The oldest ancestor of a process that is neither init nor of our own line: what started us both is not the app.</summary>
    /// <param name="process">Who listens.</param>
    /// <param name="parentOf">The parent's id: 0 where it is in another namespace or not known.</param>
    /// <param name="ours">We ourselves and our ancestors.</param>
    public static OsProcess? Topmost(OsProcess process, Func<int, int> parentOf, IReadOnlySet<int> ours)
    {
        var top = process.Id;
        while (parentOf(top) is > 1 and var parent && !ours.Contains(parent)) top = parent;
        return top == process.Id ? process : OsProcess.Of(top);
    }

    private static HashSet<int> OurLine()
    {
        var line = new HashSet<int>();
        for (var id = Environment.ProcessId; id > 0 && line.Add(id);) id = ParentOf(id);
        return line;
    }

    private static int ParentOf(int id) => KernelFile.Line($"/proc/{id}/stat") is { } text && ProcessText.Stat(text) is { } stat ? stat.Parent : 0;
}
