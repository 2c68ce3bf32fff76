namespace DrainProxy.Decisions.Pressure.Sensing;

/// <summary>
/// Says whose a socket is: by its ports where they tell, which is cheap and works for those that no process holds any more; by its inode among the app's descriptors otherwise.
/// </summary>
/// <param name="appPort">The app's port; 0 where it has none.</param>
/// <param name="ownPorts">The ports that we listen on.</param>
public sealed class SocketOwnership(int appPort, IReadOnlyCollection<int> ownPorts)
{
    /// <summary>Whose it is by its ports; null when they do not tell.</summary>
    public SocketOwner? ByPort(in SocketRow row)
    {
        if (appPort > 0 && row.LocalPort == appPort) return SocketOwner.App;
        if (ownPorts.Contains(row.LocalPort)) return SocketOwner.DrainProxy;
        // Who connects to the app from here is this proxy; what remains of such a connection has no inode.
        if (appPort > 0 && row.RemotePort == appPort) return SocketOwner.DrainProxy;
        return row.Inode == 0 ? SocketOwner.Other : null;
    }
}
