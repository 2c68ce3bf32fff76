using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>The metrics in the format of an Accept header.</summary>
/// <param name="accept">As sent; null: none.</param>
/// <param name="scraper">Tells scrapers apart.</param>
/// <param name="output">Where the text goes.</param>
/// <returns>Its content type.</returns>
internal delegate string WriteMetrics(string? accept, string scraper, IBufferWriter<byte> output);

/// <summary>The webhook's admin endpoints: health and metrics, nothing that changes anything.</summary>
/// <param name="unready">Why the API server should not call this replica; null: it should.</param>
internal sealed class WebhookAdmin(Func<string?> unready, WriteMetrics metrics) : IHttpApplication<HttpContext>
{
    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public Task ProcessRequestAsync(HttpContext context)
    {
        var path = context.Request.Path.Value;
        if (path is not ("/livez" or "/readyz" or "/metrics")) return Text(context, 404, "no such endpoint; there are /livez /readyz /metrics\n");
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return Text(context, 405, "GET only\n");
        }

        if (path == "/livez") return Text(context, 200, "ok\n");
        if (path == "/readyz") return unready() is { } reason ? Text(context, 503, reason + "\n") : Text(context, 200, "ok\n");
        var text = new ArrayBufferWriter<byte>(8 << 10);
        context.Response.ContentType = metrics(context.Request.Headers.Accept, context.Connection.Id, text);
        return Body(context, text.WrittenMemory);
    }

    private static Task Text(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return Body(context, Encoding.UTF8.GetBytes(text));
    }

    private static Task Body(HttpContext context, ReadOnlyMemory<byte> body)
    {
        context.Response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
