using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Forwarder;

// Usage: bareyarp PORT APP-URL
// Read once, when sockets are first used: completions run on the one epoll thread, without a hop to the pool.
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
if (args.Length != 2 || !int.TryParse(args[0], out var port))
{
    Console.Error.WriteLine("usage: bareyarp PORT APP-URL");
    return 2;
}

var app = args[1];
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore();
builder.WebHost.UseSockets(sockets =>
{
    sockets.IOQueueCount = 1;
    sockets.UnsafePreferInlineScheduling = true;
});
builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.AddServerHeader = false;
    kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(5);
    kestrel.Listen(IPAddress.Loopback, port);
});
builder.Services.AddHttpForwarder();

await using var web = builder.Build();
var forwarder = web.Services.GetRequiredService<IHttpForwarder>();
using var client = new HttpMessageInvoker(new SocketsHttpHandler
{
    UseProxy = false,
    AllowAutoRedirect = false,
    AutomaticDecompression = DecompressionMethods.None,
    UseCookies = false,
    EnableMultipleHttp2Connections = true,
    ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
    ConnectTimeout = TimeSpan.FromSeconds(5),
});
web.Run(async (HttpContext context) => await forwarder.SendAsync(context, app, client, ForwarderRequestConfig.Empty, HttpTransformer.Default));
await web.RunAsync();
return 0;
