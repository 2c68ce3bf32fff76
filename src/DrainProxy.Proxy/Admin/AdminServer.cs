using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Settings;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Admin;

/// <summary>A server of its own, since it must outlive the data listeners: `/drain/wait` is answered when they are gone.</summary>
internal sealed class AdminServer : IDisposable
{
    private readonly KestrelServer server;
    private readonly List<ListenOptions> bound = [];

    public AdminServer(ListenAddress listen, ILoggerFactory logs)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxRequestBodySize = 64 * 1024;
        options.Limits.MaxRequestHeadersTotalSize = 32 * 1024;
        options.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        options.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(2);
        foreach (var endPoint in ListenAddresses.Resolve(listen))
        {
            options.Listen(endPoint, o =>
            {
                o.Protocols = HttpProtocols.Http1;
                bound.Add(o);
            });
        }

        server = Servers.Create(options, logs);
    }

    public int Port => bound[0].IPEndPoint?.Port ?? 0;

    public Task Start(AdminApplication application, CancellationToken cancel) => server.StartAsync(application, cancel);

    public Task Stop(CancellationToken cancel) => server.StopAsync(cancel);

    public void Dispose() => server.Dispose();
}
