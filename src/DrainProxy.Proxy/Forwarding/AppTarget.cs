using System.Net;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Settings;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// One app behind one listener: how to speak to it, its pooled connections, and whether it is up. The target of a listener stays; where
/// the app is replaced while it runs, it leads to the target of the side that serves now.
/// </summary>
internal sealed class AppTarget(AppAddress address, TimeSpan requestTimeout, UpstreamPool pool, AppMonitor monitor, TargetUse? use = null)
{
    private volatile AppTarget? current;

    /// <summary>The side that new requests go to: this one, unless <see cref="SwitchTo"/> named another.</summary>
    public AppTarget Current => current ?? this;

    /// <summary>Who is under way to this side; null where the app is never replaced, so that nobody pays for counting.</summary>
    public TargetUse? Use => use;

    public AppAddress Address => address;

    public UpstreamPool Pool => pool;

    public AppMonitor Monitor => monitor;

    public bool IsHttp2 { get; } = address.Scheme == AppScheme.H2c;

    /// <summary>What goes over the connection cannot be told from its bytes: HTTP/2, or TLS whose protocol is not known yet.</summary>
    public bool HidesBytes => !pool.SpeaksHttp11;

    /// <summary>Scheme and authority of the request URI; the authority on the wire is the client's Host.</summary>
    public string Prefix { get; } = address.Scheme switch
    {
        AppScheme.Unix => "http://localhost",
        AppScheme.Https => $"https://{Bracket(address.Host)}:{address.Port}",
        _ => $"http://{Bracket(address.Host)}:{address.Port}",
    };

    public ForwarderRequestConfig Config { get; } = new()
    {
        ActivityTimeout = requestTimeout > TimeSpan.Zero ? requestTimeout : Timeout.InfiniteTimeSpan,
        Version = address.Scheme is AppScheme.H2c or AppScheme.Https ? HttpVersion.Version20 : HttpVersion.Version11,
        VersionPolicy = address.Scheme == AppScheme.Https ? HttpVersionPolicy.RequestVersionOrLower : HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>From now on new requests go there; those under way stay where they are.</summary>
    public void SwitchTo(AppTarget next)
    {
        current = next;
        // Before anybody counts who is left here: see Exchange.TryTakeTarget.
        Interlocked.MemoryBarrier();
    }

    private static string Bracket(string host) => host.Contains(':') ? $"[{host}]" : host;
}

/// <summary>How many requests are under way to one side of an app.</summary>
internal sealed class TargetUse
{
    private int count;

    public int Count => Volatile.Read(ref count);

    public void Enter() => Interlocked.Increment(ref count);

    public void Leave() => Interlocked.Decrement(ref count);
}
