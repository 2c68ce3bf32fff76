using System.Globalization;
using System.Text.Json;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Telemetry;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// An answer that DrainProxy makes itself: a `Proxy-Status` field (RFC 9209) and a problem document (RFC 9457). Error types are the
/// registered ones; details come from a closed set of words and never carry addresses.
/// </summary>
internal sealed record OwnAnswer(int Status, string Error, string Title, string Detail, int? RetryAfterSeconds = null)
{
    /// <summary>In seconds, as the field has it (RFC 9110 section 10.2.3).</summary>
    private const int RetryAfterSpread = 3;

    public static readonly OwnAnswer HoldExhausted =
        new(503, "destination_unavailable", "App not available", "the app did not answer within the hold timeout", 1);

    public static readonly OwnAnswer HoldFull =
        new(503, "destination_unavailable", "App not available", "the app does not answer and the hold is full", 1);

    public static readonly OwnAnswer BreakerOpen =
        new(503, "destination_unavailable", "App not available", "the app is away for longer than the hold timeout: not waiting for it again", 1);

    public static readonly OwnAnswer Terminating =
        new(503, "proxy_internal_response", "Shutting down", "closing", 1);

    public static readonly OwnAnswer ConnectionRefused =
        new(502, "connection_refused", "App refused the connection", "the app's listener refused or reset the connection");

    public static readonly OwnAnswer ConnectionTimeout =
        new(504, "connection_timeout", "App not reachable", "the connection to the app was not made in time");

    public static readonly OwnAnswer ConnectionTerminated =
        new(502, "connection_terminated", "App closed the connection", "the app closed the connection before the first byte of its answer");

    public static readonly OwnAnswer Incomplete =
        new(502, "http_response_incomplete", "Incomplete answer", "the app's answer ended early");

    public static readonly OwnAnswer ResponseTimeout =
        new(504, "http_response_timeout", "App too slow", "the app did not answer within the request timeout");

    public static readonly OwnAnswer ProtocolError =
        new(502, "http_protocol_error", "Malformed answer", "the app's answer is not valid HTTP");

    public static readonly OwnAnswer InternalError =
        new(500, "proxy_internal_error", "Internal error", "the request could not be forwarded");

    public static readonly OwnAnswer HealthWhileTerminating =
        new(503, "proxy_internal_response", "Shutting down", "terminating");

    public static readonly OwnAnswer Connect =
        new(501, "http_request_error", "Not a tunnel", "CONNECT is not served here");

    public static readonly OwnAnswer UnknownProtocol =
        new(400, "http_request_error", "Bad request", "the extended CONNECT is not a valid WebSocket opening");

    public static readonly OwnAnswer Loop =
        new(508, "proxy_loop_detected", "Loop detected", "the request has passed here too often");

    public static readonly OwnAnswer SlowBody =
        new(408, "http_request_error", "Request timeout", "the body arrived too slowly");

    public static readonly OwnAnswer NoMemory =
        new(503, "proxy_internal_response", "App short of memory", "refused: memory", 1);

    public static readonly OwnAnswer MaxInFlight =
        new(503, "proxy_internal_response", "App busy", "refused: max_in_flight", 1);

    public static readonly OwnAnswer QueueFull =
        new(503, "proxy_internal_response", "App busy", "refused: queue_full", 1);

    public static readonly OwnAnswer QueueTimeout =
        new(503, "proxy_internal_response", "App busy", "refused: queue_timeout", 1);

    public static readonly OwnAnswer Descriptors =
        new(503, "proxy_internal_response", "App busy", "refused: descriptors", 1);

    public static readonly OwnAnswer OwnMemory =
        new(503, "proxy_internal_response", "Proxy short of memory", "refused: own_memory", 1);

    public static readonly OwnAnswer BodyTooLarge = Of(FramingFault.BodyTooLarge);

    /// <summary>OPTIONS with Max-Forwards 0: asked of us, not of the app (RFC 9110 section 7.6.2).</summary>
    public static readonly OwnAnswer Options = new(204, "", "", "");

    /// <summary>TRACE with Max-Forwards 0: the request as it came (RFC 9110 section 9.3.8).</summary>
    public static readonly OwnAnswer Trace = new(200, "", "", "");

    /// <summary>The refusal of a malformed request.</summary>
    public static OwnAnswer Of(FramingFault fault) =>
        new(fault.Status(), "http_request_error", ReasonPhrases.GetReasonPhrase(fault.Status()), fault.Words());

    /// <summary>The refusal of a request for which there is no room.</summary>
    public static OwnAnswer Of(ShedReason reason) => reason switch
    {
        ShedReason.MaxInFlight => MaxInFlight,
        ShedReason.QueueFull => QueueFull,
        ShedReason.QueueTimeout => QueueTimeout,
        ShedReason.Descriptors => Descriptors,
        ShedReason.OwnMemory => OwnMemory,
        _ => NoMemory,
    };

    /// <summary>Writes the answer; false when another one has begun. gRPC clients get the status in their own form.</summary>
    public async Task<bool> Write(HttpContext context, AppTransformer transformer)
    {
        var response = context.Response;
        if (response.HasStarted) return false;
        response.Clear();
        transformer.CloseIfDue(response.Headers);
        if (Error.Length == 0)
        {
            await WritePlain(context);
            return true;
        }

        if (IsGrpc(context.Request))
        {
            await WriteGrpc(context);
            return true;
        }

        response.StatusCode = Status;
        response.Headers["Proxy-Status"] = $"drainproxy; error={Error}; details=\"{Detail}\"";
        response.Headers.CacheControl = "no-store";
        // Spread, so that those refused in one moment do not come back in one.
        if (RetryAfterSeconds is { } seconds) response.Headers.RetryAfter = Random.Shared.Next(seconds, seconds + RetryAfterSpread).ToString(CultureInfo.InvariantCulture);
        response.ContentType = "application/problem+json";
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new Problem("about:blank", Title, Status, Detail, Error), ProblemJson.Default.Problem);
        response.ContentLength = body.Length;
        if (HttpMethods.IsHead(context.Request.Method)) return true;
        await response.Body.WriteAsync(body);
        return true;
    }

    private async Task WritePlain(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = Status;
        if (Status == StatusCodes.Status204NoContent) return;
        var body = RequestRules.Echo(context);
        response.ContentType = "message/http";
        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body);
    }

    /// <summary>A trailers-only answer: UNAVAILABLE, so that clients may retry elsewhere.</summary>
    private async Task WriteGrpc(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = 200;
        response.ContentType = "application/grpc";
        response.Headers["Proxy-Status"] = $"drainproxy; error={Error}; details=\"{Detail}\"";
        response.Headers["grpc-status"] = Status is 504 ? "4" : "14";
        response.Headers["grpc-message"] = Detail;
        await response.CompleteAsync();
    }

    private static bool IsGrpc(HttpRequest request) =>
        HttpProtocol.IsHttp2(request.Protocol)
        && request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
        && !type.StartsWith("application/grpc-web", StringComparison.OrdinalIgnoreCase);
}

internal sealed record Problem(string Type, string Title, int Status, string Detail, string Cause);

[System.Text.Json.Serialization.JsonSourceGenerationOptions(PropertyNamingPolicy = System.Text.Json.Serialization.JsonKnownNamingPolicy.CamelCase)]
[System.Text.Json.Serialization.JsonSerializable(typeof(Problem))]
internal sealed partial class ProblemJson : System.Text.Json.Serialization.JsonSerializerContext;
