using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;
using DrainProxy.Proxy.Supervision;

namespace DrainProxy.Proxy.Pressure;

/// <summary>A process, told apart from a later one with the same id by its start.</summary>
internal readonly record struct AppProcess(int Id, long Started)
{
    public static AppProcess? Of(int id) =>
        KernelFile.Line($"/proc/{id}/stat") is { } text && ProcessText.Stat(text) is { } stat ? new(id, stat.Started) : null;

    public bool Lives => Of(Id) == this;
}

/// <summary>Finds the app's processes: from its address to the listening socket, from the socket's inode to whoever holds it, and on to their children.</summary>
internal static class AppProcesses
{
    /// <summary>Who holds the app's listening socket, lowest id first: for a pre-forking server its master and its workers. Empty when nobody is visible from here.</summary>
    public static IReadOnlyList<AppProcess> Of(AppAddress app)
    {
        var inodes = Listeners(app).ToHashSet();
        if (inodes.Count == 0) return [];
        return [.. ListeningPorts.Processes().Order().Where(id => id != Environment.ProcessId && ListeningPorts.SocketsOf(id).Any(inodes.Contains))
            .Select(AppProcess.Of).OfType<AppProcess>()];
    }

    /// <summary>These processes and all that descend from them, ourselves left out.</summary>
    public static IReadOnlyList<int> WithDescendants(IEnumerable<int> roots)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var id in ListeningPorts.Processes())
        {
            if (KernelFile.Line($"/proc/{id}/stat") is not { } text || ProcessText.Stat(text) is not { } stat) continue;
            if (children.TryGetValue(stat.Parent, out var siblings)) siblings.Add(id);
            else children[stat.Parent] = [id];
        }

        var found = new SortedSet<int>();
        var open = new Stack<int>(roots);
        while (open.TryPop(out var id))
        {
            if (id == Environment.ProcessId || !found.Add(id)) continue;
            foreach (var child in children.GetValueOrDefault(id) ?? []) open.Push(child);
        }

        return [.. found];
    }

    private static List<long> Listeners(AppAddress app)
    {
        if (app.Scheme == AppScheme.Unix) return ProcessText.UnixListeners(KernelFile.Lines("/proc/self/net/unix"), app.UnixPath ?? "");
        // A process here that listens on the same number is not the app that is elsewhere.
        return IsHere(app.Host)
            ? ProcessText.Listeners(KernelFile.Lines("/proc/self/net/tcp").Concat(KernelFile.Lines("/proc/self/net/tcp6")), app.Port)
            : [];
    }

    private static bool IsHere(string host) => Loopback.Is(host) || IsOfOurInterfaces(host);

    private static bool IsOfOurInterfaces(string host)
    {
        try
        {
            var addresses = Dns.GetHostAddresses(host);
            return addresses.Any(IPAddress.IsLoopback) || NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(i => i.GetIPProperties().UnicastAddresses).Any(own => addresses.Contains(own.Address));
        }
        catch (Exception e) when (e is SocketException or NetworkInformationException)
        {
            return false;
        }
    }
}
