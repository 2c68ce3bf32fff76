using System.Text;
using DrainProxy.Kubernetes.Injection;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>The endpoint the API server calls: `POST /mutate`. Reads, has <see cref="PodAdmission"/> decide, writes; all of it within the caller's time.</summary>
/// <param name="stopping">After the stop signal: each connection that still calls is told to go elsewhere.</param>
internal sealed partial class WebhookApplication(Func<InjectionRequest> injection, Func<bool> stopping, WebhookMetrics metrics, TimeProvider time, ILogger log)
    : IHttpApplication<HttpContext>, IDisposable
{
    public const string Path = "/mutate";

    /// <summary>The API server's longest; also for callers that give none.</summary>
    private static readonly TimeSpan LongestCall = TimeSpan.FromSeconds(30);

    /// <summary>The shortest that is honoured; below, the answer would always be late.</summary>
    private static readonly TimeSpan ShortestCall = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan LongestWay = TimeSpan.FromMilliseconds(500);

    /// <summary>21 reviews of the largest size; the sidecar's limit in deploy/kustomize leaves room for twice that.</summary>
    private readonly BodyRoom room = new(64L << 20);

    /// <summary>Deciding is work for the processor alone: more at once would only hold more memory.</summary>
    private readonly SemaphoreSlim turns = new(Math.Max(2, Environment.ProcessorCount));

    /// <summary>Bytes that no review holds.</summary>
    public long FreeBytes => room.Free;

    public HttpContext CreateContext(IFeatureCollection contextFeatures) => new DefaultHttpContext(contextFeatures);

    public void DisposeContext(HttpContext context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(HttpContext context)
    {
        var started = time.GetTimestamp();
        metrics.Begin();
        var outcome = ReviewOutcome.Late;
        // API servers keep a connection for as long as it works: GOAWAY, or Connection: close, while the listener is still there for their next one.
        if (stopping()) context.Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        try
        {
            using var limit = new CancellationTokenSource(TimeLimit(context.Request.Query["timeout"]), time);
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, context.RequestAborted);
            var answer = await Answer(context.Request, ended.Token);
            outcome = answer.Outcome;
            if (answer.Fault is { } fault) LogFailed(log, fault, fault.Message);
            await Write(context, answer);
        }
        catch (OperationCanceledException)
        {
            // The caller has gone; who only was slow got 408.
        }
        catch (IOException)
        {
            // So has this one, in the middle of its body.
        }
        finally
        {
            metrics.End(outcome, time.GetElapsedTime(started));
        }
    }

    public void Dispose() => turns.Dispose();

    /// <summary>
    /// The API server puts `?timeout=10s` into the URL: what comes later than that nobody reads. Its clock began before ours, and the answer has a way to go,
    /// so a tenth is left to both, half a second at most.
    /// </summary>
    internal static TimeSpan TimeLimit(string? given)
    {
        if (given is not { Length: > 0 } || !Durations.TryParse(given, out var time) || time > LongestCall) time = LongestCall;
        if (time < ShortestCall) time = ShortestCall;
        return time - (time / 10 < LongestWay ? time / 10 : LongestWay);
    }

    private async Task<AdmissionAnswer> Answer(HttpRequest request, CancellationToken cancel)
    {
        if (Refusal(request) is { } refusal) return refusal;
        using var body = new ReviewBody(room);
        try
        {
            if (await body.Read(request.BodyReader, cancel) is { } unread)
                return unread == ReviewOutcome.TooLarge ? Problem(413, $"more than {ReviewBody.Largest} bytes", unread) : Problem(503, "too many reviews at once", unread);
        }
        catch (OperationCanceledException) when (!request.HttpContext.RequestAborted.IsCancellationRequested)
        {
            return Problem(408, "the review did not come within the time the caller gives", ReviewOutcome.Late);
        }
        catch (BadHttpRequestException e)
        {
            return Problem(e.StatusCode, "the body cannot be read", e.StatusCode switch
            {
                413 => ReviewOutcome.TooLarge,
                408 => ReviewOutcome.Late,
                _ => ReviewOutcome.Malformed,
            });
        }

        try
        {
            await turns.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (!request.HttpContext.RequestAborted.IsCancellationRequested)
        {
            return Problem(503, "too many reviews at once", ReviewOutcome.Busy);
        }

        try
        {
            return PodAdmission.Decide(body.Bytes, injection());
        }
        finally
        {
            turns.Release();
        }
    }

    private static AdmissionAnswer? Refusal(HttpRequest request)
    {
        if (request.Path.Value != Path) return Problem(404, $"there is {Path} and nothing else", ReviewOutcome.Malformed);
        if (!HttpMethods.IsPost(request.Method)) return Problem(405, "POST only", ReviewOutcome.Malformed);
        if (request.ContentType?.Split(';')[0].Trim().Equals("application/json", StringComparison.OrdinalIgnoreCase) != true)
            return Problem(415, "reviews are application/json", ReviewOutcome.Malformed);
        if (request.Headers.ContentEncoding.Count > 0) return Problem(415, "no content encoding is taken", ReviewOutcome.Malformed);
        return request.ContentLength > ReviewBody.Largest ? Problem(413, $"more than {ReviewBody.Largest} bytes", ReviewOutcome.TooLarge) : null;
    }

    private static AdmissionAnswer Problem(int status, string text, ReviewOutcome outcome) => new(status, Encoding.UTF8.GetBytes(text + "\n"), outcome);

    private static Task Write(HttpContext context, AdmissionAnswer answer)
    {
        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = answer.Status == 200 ? "application/json" : "text/plain; charset=utf-8";
        if (answer.Status == 405) context.Response.Headers.Allow = "POST";
        context.Response.ContentLength = answer.Body.Length;
        return HttpMethods.IsHead(context.Request.Method) ? Task.CompletedTask : context.Response.Body.WriteAsync(answer.Body, context.RequestAborted).AsTask();
    }

    [LoggerMessage(600, LogLevel.Error, "A pod was left as it is: {Reason}", EventName = "webhook_review_failed")]
    private static partial void LogFailed(ILogger log, Exception fault, string reason);
}
