using System.Net;

namespace DrainProxy.Kubernetes.Api;

/// <summary>An answer of the API server that is none of those hoped for.</summary>
internal sealed class ApiException(HttpStatusCode status, string message, TimeSpan? retryAfter = null) : Exception($"{(int)status}: {message}")
{
    public HttpStatusCode Status => status;

    /// <summary>What the server asks to wait.</summary>
    public TimeSpan? RetryAfter => retryAfter;

    /// <summary>Somebody else was faster: read again and decide again.</summary>
    public bool IsConflict => status == HttpStatusCode.Conflict;

    /// <summary>The resourceVersion is older than what the server remembers: list again.</summary>
    public bool IsGone => status == HttpStatusCode.Gone;

    /// <summary>Worth the same request again: overload, or a server that is just coming or going.</summary>
    public bool PassesBy => status is HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError or HttpStatusCode.BadGateway
        or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
