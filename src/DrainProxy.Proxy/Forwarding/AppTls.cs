using System.Net.Security;
using DrainProxy.Proxy.Calls;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>How TLS to the app is opened: the same name, protocols and certificate rules that SocketsHttpHandler would use by itself.</summary>
internal static class AppTls
{
    private static readonly List<SslApplicationProtocol> Either = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11];

    /// <summary>Whether nothing but HTTP/2 will do: the handler then opens TLS itself, and tells YARP in its own way when the app has none.</summary>
    public static bool IsHttp2Only(HttpRequestMessage request) =>
        request.Version.Major >= 2 && request.VersionPolicy == HttpVersionPolicy.RequestVersionExact;

    /// <summary>A certificate for a loopback address cannot be verified against any authority; elsewhere the usual rules hold.</summary>
    public static SslClientAuthenticationOptions Rules(AppAddress app) => Loopback.Is(app.Host) ? OwnCalls.Unverified() : new();

    public static SslClientAuthenticationOptions For(AppAddress app, HttpRequestMessage request)
    {
        var options = Rules(app);
        options.TargetHost = request.Headers.Host is { } host ? WithoutPort(host) : request.RequestUri!.IdnHost;
        // Where HTTP/1.1 is asked for, no protocol is named at all, so that the oldest server agrees.
        options.ApplicationProtocols = request.Version.Major >= 2 ? Either : null;
        return options;
    }

    /// <summary>The name in a Host field: what stands before the colon of a port, which is none inside the brackets of an IPv6 address.</summary>
    public static string WithoutPort(string host)
    {
        var bracket = host.LastIndexOf(']');
        var colon = bracket < 0 ? host.IndexOf(':') : host.LastIndexOf(':');
        return colon > bracket && colon >= 0 ? host[..colon] : host;
    }
}
