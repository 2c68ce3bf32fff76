using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>One request and its answer. Kept with its connection (HTTP/1.1) or pooled stream (HTTP/2) and used again.</summary>
internal sealed class Exchange
{
    public Exchange(Lifecycle lifecycle, StreamRegistry streams, TimeProvider time) => Transformer = new(this, lifecycle, streams, time);

    private string? lastTarget;
    private Uri? lastUri;

    public AppTransformer Transformer { get; }

    public DefaultHttpContext Http { get; } = new();

    /// <summary>The connection that the request came on.</summary>
    public TrackedConnection Connection { get; private set; } = null!;

    public AppTarget Target { get; private set; } = null!;

    public long StartedAt { get; set; }

    /// <summary>The connection counts this exchange as active.</summary>
    public bool Begun { get; set; }

    public bool IsHttp2 { get; private set; }

    public Outcome Outcome { get; set; }

    public UpstreamCause? Cause { get; set; }

    /// <summary>The answer's body, when it is a stream without an end of its own.</summary>
    public DrainableStream? Stream { get; set; }

    /// <summary>Ends this exchange alone; only exchanges that may become endless have one.</summary>
    public CancellationTokenSource? Cancel { get; set; }

    public void Initialize(IFeatureCollection features)
    {
        Http.Initialize(features);
        Connection = features.GetRequiredFeature<TrackedConnection>();
        Target = Connection.Target;
        IsHttp2 = Connection.IsHttp2;
        Begun = false;
        Outcome = Outcome.Ok;
        Cause = null;
        Stream = null;
        Cancel = null;
    }

    /// <summary>
    /// The app's URI with the request target as it came: <see cref="Uri"/> would change it (case of escapes, dot segments). The last one
    /// is kept, since a connection often asks for the same again.
    /// </summary>
    public Uri RequestUri()
    {
        var target = OriginForm(Http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        if (lastUri is not null && string.Equals(target, lastTarget, StringComparison.Ordinal)) return lastUri;
        lastTarget = target;
        lastUri = new Uri(Target.Prefix + target, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        return lastUri;
    }

    /// <summary>Absolute form becomes origin form (RFC 9112 section 3.2.2).</summary>
    private static string OriginForm(string target)
    {
        if (target.Length > 0 && target[0] == '/') return target;
        var authority = target.IndexOf("://", StringComparison.Ordinal);
        if (authority < 0) return "/";
        var path = target.IndexOfAny(['/', '?'], authority + 3);
        return path < 0 ? "/" : target[path] == '/' ? target[path..] : "/" + target[path..];
    }
}
