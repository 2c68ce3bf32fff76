using System.Net;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Settings;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>One app behind one listener: how to speak to it, its pooled connections, and whether it is up.</summary>
internal sealed class AppTarget(AppAddress address, TimeSpan requestTimeout, UpstreamPool pool, AppMonitor monitor)
{
    public AppAddress Address => address;

    public UpstreamPool Pool => pool;

    public AppMonitor Monitor => monitor;

    public bool IsHttp2 { get; } = address.Scheme == AppScheme.H2c;

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

    private static string Bracket(string host) => host.Contains(':') ? $"[{host}]" : host;
}
