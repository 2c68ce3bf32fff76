using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace DrainProxy.Proxy.Tests.NodeRemoval;

/// <summary>A metadata service on a port of its own: answers what the test says, and keeps what it was asked.</summary>
internal sealed class MetadataServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly ConcurrentQueue<string> asked = new();

    private MetadataServer(WebApplication app) => this.app = app;

    public Uri Address { get; private set; } = null!;

    /// <summary>Method, path and query of each question, in order.</summary>
    public IReadOnlyList<string> Asked => [.. asked];

    public static async Task<MetadataServer> Start(Func<HttpContext, Task> answer)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRoutingCore();
        var server = new MetadataServer(builder.Build());
        server.app.Run(context =>
        {
            server.asked.Enqueue($"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
            return answer(context);
        });
        await server.app.StartAsync(TestContext.Current.CancellationToken);
        server.Address = new(server.app.Urls.Single());
        return server;
    }

    /// <summary>Answers with a status and a body.</summary>
    public static Task Say(HttpContext context, int status, string body = "")
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(body);
    }

    public async ValueTask DisposeAsync() => await app.DisposeAsync();
}
