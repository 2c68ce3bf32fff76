using System.Net;
using System.Net.Security;
using System.Text;
using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// The connections kept open to one app, given up before the app gives them up. A handler's idle timeout cannot change once it is in
/// use, so a new one takes over when more is learned about the app; the old one is disposed when its requests have long been started.
/// </summary>
internal sealed partial class UpstreamPool : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);

    /// <summary>RFC 9110 section 10.1.1: a client must not wait for ever; one second is what curl waits.</summary>
    private static readonly TimeSpan ExpectTimeout = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan OldHandlerLives = TimeSpan.FromMinutes(1);
    private readonly AppAddress app;
    private readonly ProxyCounters counters;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly bool isFixed;
    private readonly AppWorkers workers;
    private readonly Lock gate = new();
    private volatile HttpMessageInvoker current;
    private volatile HeavyConnections heavy;
    private TimeSpan idle;
    private string? lastHeader;

    /// <param name="app">The app's address.</param>
    /// <param name="appIdleTimeout">Ours towards it; null to learn it.</param>
    /// <param name="counters">Counts connections.</param>
    /// <param name="time">Clock of what is learned.</param>
    /// <param name="log">Gets what is learned.</param>
    /// <param name="workers">Which worker of the app is where; null where nobody can tell.</param>
    public UpstreamPool(AppAddress app, TimeSpan? appIdleTimeout, ProxyCounters counters, TimeProvider time, ILogger log, AppWorkers? workers = null)
    {
        this.workers = workers ?? AppWorkers.Unknown;
        (this.app, this.counters, this.time, this.log) = (app, counters, time, log);
        isFixed = appIdleTimeout is not null;
        SpeaksHttp11 = app.Scheme is AppScheme.Http or AppScheme.Unix;
        idle = appIdleTimeout is { } set ? set : UpstreamIdle.WhileLearning(TimeSpan.Zero);
        current = Create(idle);
        heavy = CreateHeavy(idle);
    }

    public HttpMessageInvoker Current => current;

    /// <summary>
    /// Connections for requests that take memory. Over the connections of all others they would by and by meet on one worker of the app, and then on another: puma was killed with 4 exports at
    /// once where it bears 6 over few connections that are used again (docs/decisions.md).
    /// </summary>
    public HeavyConnections Heavy => heavy;

    /// <summary>How long a connection to the app may stay idle in the pool.</summary>
    public TimeSpan Idle
    {
        get { lock (gate) return idle; }
    }

    /// <summary>Whether the app's own timeout is known, by setting, announcement or measurement.</summary>
    public bool Known { get; private set; }

    /// <summary>Requests go to the app in HTTP/1.1. With TLS known once the app has chosen (RFC 7301), which is before the first request is written.</summary>
    public bool SpeaksHttp11 { get; private set; }

    /// <summary>The app announced its idle timeout in a `Keep-Alive` field.</summary>
    public void Announced(string header)
    {
        if (isFixed || ReferenceEquals(header, lastHeader) || header == lastHeader) return;
        lastHeader = header;
        if (UpstreamIdle.FromKeepAliveHeader(header) is { } appIdle) Learn(appIdle, "announced");
    }

    /// <summary>A connection was measured to be closed by the app after this long.</summary>
    public void Measured(TimeSpan appIdle) => Learn(appIdle, "measured");

    /// <summary>A connection has lived idle for this long and still does.</summary>
    public void Proven(TimeSpan alive)
    {
        if (!Known) Use(UpstreamIdle.WhileLearning(alive), "lives", alive);
    }

    /// <summary>Closes the connections that are idle now; nothing may be under way on any.</summary>
    public void Renew()
    {
        HttpMessageInvoker old;
        HeavyConnections oldHeavy;
        lock (gate)
        {
            (old, oldHeavy) = (current, heavy);
            (current, heavy) = (Create(idle), CreateHeavy(idle));
        }

        old.Dispose();
        oldHeavy.Dispose();
    }

    public void Dispose()
    {
        current.Dispose();
        heavy.Dispose();
    }

    private HeavyConnections CreateHeavy(TimeSpan pooledIdle) => new(link => Create(pooledIdle, link), workers);

    private void Learn(TimeSpan appIdle, string how)
    {
        Known = true;
        Use(UpstreamIdle.PoolTimeout(appIdle), how, appIdle);
    }

    private void Use(TimeSpan timeout, string how, TimeSpan appIdle)
    {
        if (isFixed) return;
        HttpMessageInvoker old;
        HeavyConnections? oldHeavy = null;
        lock (gate)
        {
            if (timeout == idle) return;
            // Where connections may stay idle for longer now, the heavy ones stay: new ones would lead to other workers.
            if (timeout < idle) (oldHeavy, heavy) = (heavy, CreateHeavy(timeout));
            idle = timeout;
            old = current;
            current = Create(timeout);
        }

        LogLearned(log, app, appIdle.TotalSeconds, how, timeout.TotalSeconds);
        _ = DisposeLater(old, oldHeavy);
    }

    private async Task DisposeLater(HttpMessageInvoker old, HeavyConnections? oldHeavy)
    {
        await Task.Delay(OldHandlerLives, time);
        old.Dispose();
        oldHeavy?.Dispose();
    }

    private HttpMessageInvoker Create(TimeSpan pooledIdle, HeavyLink? link = null) => new(new AppHandler(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = ConnectTimeout,
        Expect100ContinueTimeout = ExpectTimeout,
        PooledConnectionIdleTimeout = pooledIdle,
        MaxResponseHeadersLength = 128,
        ResponseDrainTimeout = TimeSpan.FromSeconds(1),
        MaxResponseDrainSize = 64 * 1024,
        RequestHeaderEncodingSelector = app.Scheme == AppScheme.H2c ? Count : Announce,
        ResponseHeaderEncodingSelector = static (_, _) => Encoding.Latin1,
        SslOptions = AppTls.Rules(app),
        ConnectCallback = async (context, cancel) => await Connect(context.InitialRequestMessage, link, cancel),
    }));

    private async ValueTask<Stream> Connect(HttpRequestMessage request, HeavyLink? link, CancellationToken cancel)
    {
        var socket = link is null ? await AppSockets.Connect(app, cancel) : await link.Connections.Connect(link, end => AppSockets.Connect(app, end), time, cancel);
        if (app.Scheme is AppScheme.Http or AppScheme.Unix) return new AppStream(socket, counters, http11: this);
        var stream = new AppStream(socket, counters, http11: null);
        if (app.Scheme == AppScheme.H2c || AppTls.IsHttp2Only(request)) return stream;
        var tls = new AppTlsStream(stream);
        try
        {
            await tls.Open(AppTls.For(app, request), this, cancel);
            if (request.Version.Major >= 2) SpeaksHttp11 = tls.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2;
            return tls;
        }
        catch
        {
            await tls.DisposeAsync();
            throw;
        }
    }

    private Encoding Announce(string name, HttpRequestMessage request)
    {
        if (SpeaksHttp11 || request.Version.Major == 1) AppDialogue.Sends(request);
        return Count(name, request);
    }

    /// <summary>Asked for each field of each head that the handler writes; each of ours has this one, once (AppTransformer).</summary>
    private static Encoding Count(string name, HttpRequestMessage request)
    {
        if (name.Length == 15 && name == "X-Forwarded-For" && request.RequestUri is ExchangeUri uri) uri.Exchange.Begins();
        return Encoding.Latin1;
    }

    [LoggerMessage(210, LogLevel.Information,
        "App {App}: idle connections {How} {AppIdle:0.0} s; ours to it are given up after {Pooled:0.00} s", EventName = "upstream_idle")]
    private static partial void LogLearned(ILogger log, AppAddress app, double appIdle, string how, double pooled);
}
