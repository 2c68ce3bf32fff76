using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DrainProxy.Proxy.Listening;

/// <summary>
/// Kestrel on the data listeners, without the generic host: its per-request diagnostics, its second shutdown timeout and its start-up
/// cost have no use here (docs/decisions.md).
/// </summary>
internal sealed class DataServer : IDisposable
{
    /// <summary>Slack over our own idle timer, which closes gently; Kestrel's is there should ours fail.</summary>
    private static readonly TimeSpan Backstop = TimeSpan.FromSeconds(30);

    /// <summary>Far more than any client sends, and few enough to be read in no time.</summary>
    private const int MaxFields = 1000;

    private readonly KestrelServer server;
    private readonly List<ListenOptions> bound = [];

    public DataServer(
        ProxySettings settings, IReadOnlyList<AppTarget> targets, TimeSpan idleTimeout, ConnectionRegistry connections, TlsCertificates? certificates, OwnBuffers buffers, TimeProvider time, ILoggerFactory logs)
    {
        // Who ends TLS in front of us and speaks h2c to us says `:scheme: https` of it (Envoy), or in any case (HAProxy): RFC 9113 section 8.3.1
        // does not bind the scheme to the transport. What is told to the app goes by the transport: see AppTransformer.
        var options = new KestrelServerOptions { AddServerHeader = false, AllowAlternateSchemes = true };
        // Absolute form: StrictReader has compared its host with Host as hosts are compared; Kestrel compares bytes with a URI in canonical form.
        options.AllowHostHeaderOverride = true;
        // Field values pass as bytes in both directions; Latin-1 is the identity on bytes.
        options.RequestHeaderEncodingSelector = static name => name.Length switch
        {
            10 when name.Equals("Connection", StringComparison.OrdinalIgnoreCase) => ConnectionFieldEncoding.Instance,
            14 when name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) => ContentLengthEncoding.Instance,
            _ => Encoding.Latin1,
        };
        options.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
        Limit(options.Limits, settings, buffers, idleTimeout);
        if (certificates is not null) options.ApplicationServices = TlsServices(logs);
        server = Servers.Create(options, logs, connections.Room, buffers.ReadBytes);

        var dispatch = new ProtocolDispatch(new(settings.MaxHeaderSize, MaxLine(settings), MaxFields, settings.MaxBody), connections.Crowd, time);
        for (var i = 0; i < settings.Ports.Count; i++)
        {
            var (listen, target) = (settings.Ports[i].Listen, targets[i]);
            foreach (var endPoint in ListenAddresses.Resolve(listen))
            {
                options.Listen(endPoint, o => Configure(o, target, listen.Tls ? certificates : null, connections, dispatch));
            }
        }

        options.Listen(new CaptureEndPoint(), o =>
        {
            o.Protocols = HttpProtocols.Http2;
            o.Use(dispatch.Capture);
        });
    }

    /// <summary>The ports in use, in the order of the settings; real ones where 0 was asked for.</summary>
    public IReadOnlyList<int> Ports => [.. bound.Select(o => o.IPEndPoint?.Port ?? 0)];

    public Task Start<TContext>(IHttpApplication<TContext> application, CancellationToken cancel)
        where TContext : notnull => server.StartAsync(application, cancel);

    public Task Stop(CancellationToken cancel) => server.StopAsync(cancel);

    public void Dispose() => server.Dispose();

    private static int MaxLine(ProxySettings settings) => Math.Min(settings.MaxHeaderSize, 32 * 1024);

    private static void Limit(KestrelServerLimits limits, ProxySettings settings, OwnBuffers buffers, TimeSpan idleTimeout)
    {
        limits.KeepAliveTimeout = idleTimeout + Backstop;
        limits.RequestHeadersTimeout = settings.RequestHeadersTimeout > TimeSpan.Zero ? settings.RequestHeadersTimeout : Timeout.InfiniteTimeSpan;
        if (settings.SendTimeout == TimeSpan.Zero) limits.MinResponseDataRate = null;
        limits.MaxRequestBodySize = settings.MaxBody > 0 ? settings.MaxBody : null;
        limits.MaxRequestHeadersTotalSize = settings.MaxHeaderSize;
        limits.MaxRequestHeaderCount = MaxFields;
        // Kestrel counts the CR LF; ours is the bound, and gives the answer.
        limits.MaxRequestLineSize = MaxLine(settings) + 2;
        limits.MaxRequestBufferSize = Math.Max(1024 * 1024, settings.MaxHeaderSize);
        // Room waits instead of closing: see ConnectionRegistry.
        limits.MaxConcurrentConnections = null;
        limits.MaxConcurrentUpgradedConnections = null;
        // What a stream of HTTP/2 may hold that its client gives no window for.
        limits.MaxResponseBufferSize = Forwarding.Streams.PacedAnswer.FirstPiece;
        limits.Http2.InitialConnectionWindowSize = buffers.ConnectionWindow;
        limits.Http2.InitialStreamWindowSize = buffers.StreamWindow;
        limits.Http2.MaxRequestHeaderFieldSize = settings.MaxHeaderSize;
    }

    private void Configure(
        ListenOptions options, AppTarget target, TlsCertificates? certificates, ConnectionRegistry connections, ProtocolDispatch dispatch)
    {
        bound.Add(options);
        if (certificates is null)
        {
            options.Protocols = HttpProtocols.Http1;
            options.Use(next => context => connections.Track(context, target, dispatch, next));
            return;
        }

        options.Use(next => context => connections.Track(context, target, clearText: null, next));

        options.Protocols = HttpProtocols.Http1AndHttp2;
        options.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = _ => new(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = certificates.Current,
                EnabledSslProtocols = SslProtocols.None,
                ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            }),
        });
        options.Use(next => context => dispatch.Tls(context, next));
    }

    /// <summary>Kestrel's TLS middleware asks a container for its metrics; only the real host's registrations provide them.</summary>
    private static IServiceProvider TlsServices(ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.Add(new(typeof(ILoggerFactory), logs));
        return builder.Build().Services;
    }
}

/// <summary>What the data and the admin server have in common.</summary>
internal static class Servers
{
    /// <param name="room">Asked before each accept; null: accept always.</param>
    /// <param name="readBytes">What is kept of a connection's input while nobody reads it; null: Kestrel's own default.</param>
    public static KestrelServer Create(KestrelServerOptions options, ILoggerFactory logs, ConnectionRoom? room = null, int? readBytes = null)
    {
        var transport = Transport();
        if (readBytes is { } bytes) transport.MaxReadBufferSize = bytes;
        return new(Options.Create(options), new ListenerFactory(new SocketTransportFactory(Options.Create(transport), logs), room), logs);
    }

    private static SocketTransportOptions Transport() => new()
    {
        // One socket thread that also runs the proxy's code: measured at two thirds of the CPU of the thread-pool hop (shared measurement
        // in docs/decisions.md, "Inline completions").
        IOQueueCount = 1,
        UnsafePreferInlineScheduling = true,
        Backlog = 4096,
        // A write is over when the kernel has it: a connection counts as idle only when nothing of its answer is left in our memory, or the
        // half-close would cut an answer short.
        MaxWriteBufferSize = 1,
    };
}
