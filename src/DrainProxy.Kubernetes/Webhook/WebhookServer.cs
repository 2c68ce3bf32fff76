using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>One Kestrel of the webhook: the TLS listener that the API server calls, or the plain one for probes and metrics.</summary>
internal sealed class WebhookServer : IDisposable
{
    /// <summary>
    /// Connections at once. API servers need a handful; the rest is room for whoever connects and says nothing, who is gone after <see cref="Handshakes"/>.
    /// </summary>
    private const int MostConnections = 1024;

    private static readonly TimeSpan Handshakes = TimeSpan.FromSeconds(3);

    /// <summary>Longer than an API server keeps a quiet connection (90 s, Go's http.DefaultTransport).</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(2);

    private readonly KestrelServer server;
    private readonly List<ListenOptions> bound = [];

    private WebhookServer(KestrelServerOptions options, ILoggerFactory logs) =>
        server = new(Options.Create(options), new SocketTransportFactory(Options.Create(new SocketTransportOptions()), logs), logs);

    public int Port => bound[0].IPEndPoint?.Port ?? 0;

    /// <summary>HTTP/2 and HTTP/1.1 over TLS, within bounds that a handful of API servers never meet.</summary>
    /// <param name="certificate">Asked at each handshake; null: there is none yet, and the handshake fails.</param>
    public static WebhookServer Secure(IEnumerable<IPEndPoint> endPoints, Func<SslStreamCertificateContext?> certificate, ILoggerFactory logs)
    {
        var options = new KestrelServerOptions { AddServerHeader = false, ApplicationServices = TlsServices(logs) };
        options.Limits.MaxConcurrentConnections = MostConnections;
        options.Limits.MaxRequestBodySize = ReviewBody.Largest;
        options.Limits.MaxRequestBufferSize = 256 << 10;
        options.Limits.MaxRequestHeadersTotalSize = 32 << 10;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        options.Limits.KeepAliveTimeout = Idle;
        options.Limits.Http2.InitialConnectionWindowSize = 256 << 10;
        options.Limits.Http2.InitialStreamWindowSize = 128 << 10;
        var created = new WebhookServer(options, logs);
        foreach (var endPoint in endPoints)
        {
            options.Listen(endPoint, listen =>
            {
                created.bound.Add(listen);
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => new(Handshake(certificate())), HandshakeTimeout = Handshakes });
            });
        }

        return created;
    }

    public static WebhookServer Plain(IEnumerable<IPEndPoint> endPoints, ILoggerFactory logs)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxConcurrentConnections = 256;
        options.Limits.MaxRequestBodySize = 64 << 10;
        options.Limits.MaxRequestHeadersTotalSize = 32 << 10;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        var created = new WebhookServer(options, logs);
        foreach (var endPoint in endPoints)
        {
            options.Listen(endPoint, listen =>
            {
                created.bound.Add(listen);
                listen.Protocols = HttpProtocols.Http1;
            });
        }

        return created;
    }

    public Task Start(IHttpApplication<HttpContext> application, CancellationToken cancel) => server.StartAsync(application, cancel);

    public Task Stop(CancellationToken cancel) => server.StopAsync(cancel);

    public void Dispose() => server.Dispose();

    private static SslServerAuthenticationOptions Handshake(SslStreamCertificateContext? certificate) => new()
    {
        ServerCertificateContext = certificate ?? throw new AuthenticationException("there is no certificate yet"),
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
    };

    /// <summary>Kestrel's TLS middleware asks a container for its metrics; only the real host's registrations provide them.</summary>
    private static IServiceProvider TlsServices(ILoggerFactory logs)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddSingleton(logs);
        return builder.Build().Services;
    }
}
