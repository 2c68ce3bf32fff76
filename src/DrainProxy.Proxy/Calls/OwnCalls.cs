using System.Net.Security;

namespace DrainProxy.Proxy.Calls;

/// <summary>
/// Requests that DrainProxy makes itself, to an address that the user or the provider has named: no proxy of the environment stands between (it would answer for
/// another machine), no redirect leads elsewhere, nothing is remembered, and whoever calls bounds the time.
/// </summary>
internal static class OwnCalls
{
    /// <summary>KB of an answer's header that are read.</summary>
    private const int LargestHead = 16;

    public static SocketsHttpHandler Handler() => new()
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        MaxResponseHeadersLength = LargestHead,
        ActivityHeadersPropagator = null,
    };

    /// <summary>A client without a limit of its own.</summary>
    public static HttpClient Client(SocketsHttpHandler handler) => new(handler) { Timeout = Timeout.InfiniteTimeSpan };

#pragma warning disable CA5359 // Nobody signs a certificate for loopback, and nobody stands between.
    /// <summary>For loopback addresses only, and for calls that the kubelet would make so.</summary>
    public static SslClientAuthenticationOptions Unverified() => new() { RemoteCertificateValidationCallback = static (_, _, _, _) => true };
#pragma warning restore CA5359
}
