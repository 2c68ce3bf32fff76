using System.Net.Sockets;
using DrainProxy.Proxy.Telemetry;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What a failed exchange means: whose fault, the cause that is counted, and what the client is told.</summary>
/// <param name="Cause">Null when the client is the one who left.</param>
/// <param name="Answer">What the client gets if nothing was sent yet.</param>
/// <param name="NotConnected">There was no connection, so no byte reached the app.</param>
/// <param name="NotProcessed">The app said that it has not processed the request.</param>
internal sealed record Failure(UpstreamCause? Cause, OwnAnswer Answer, bool NotConnected = false, bool NotProcessed = false)
{
    private static readonly Failure ClientGone = new(null, OwnAnswer.InternalError);
    private static readonly Failure Refused = new(UpstreamCause.ConnectRefused, OwnAnswer.ConnectionRefused, NotConnected: true);
    private static readonly Failure ConnectTimeout = new(UpstreamCause.ConnectTimeout, OwnAnswer.ConnectionTimeout, NotConnected: true);
    private static readonly Failure ConnectError = new(UpstreamCause.ConnectError, OwnAnswer.ConnectionRefused, NotConnected: true);
    public static readonly Failure RefusedStream = new(UpstreamCause.ClosedBeforeAnswer, OwnAnswer.ConnectionTerminated, NotProcessed: true);
    private static readonly Failure Stale = new(UpstreamCause.StaleConnection, OwnAnswer.ConnectionTerminated);

    /// <summary>The app ended, or ended the connection, with the request in its hands.</summary>
    public static readonly Failure Closed = new(UpstreamCause.ClosedBeforeAnswer, OwnAnswer.ConnectionTerminated);
    private static readonly Failure ClosedDuring = new(UpstreamCause.ClosedDuringAnswer, OwnAnswer.Incomplete);
    public static readonly Failure Timeout = new(UpstreamCause.AppTimeout, OwnAnswer.ResponseTimeout);
    public static readonly Failure Protocol = new(UpstreamCause.AppProtocolError, OwnAnswer.ProtocolError);
    private static readonly Failure Internal = new(UpstreamCause.Internal, OwnAnswer.InternalError);

    public static Failure Of(ForwarderError error, Exception? exception) => error switch
    {
        ForwarderError.Request or ForwarderError.RequestBodyDestination => OfRequest(exception),
        // SocketsHttpHandler's connect timeout comes as a cancellation, with this inside; YARP's activity timeout has none.
        ForwarderError.RequestTimedOut when exception is OperationCanceledException { InnerException: TimeoutException } => ConnectTimeout,
        ForwarderError.RequestTimedOut or ForwarderError.UpgradeActivityTimeout => Timeout,
        ForwarderError.ResponseBodyDestination or ForwarderError.UpgradeResponseDestination or ForwarderError.UpgradeRequestDestination => ClosedDuring,
        ForwarderError.ResponseHeaders => Protocol,
        ForwarderError.RequestCreation => Internal,
        ForwarderError.NoAvailableDestinations => Internal,
        _ => ClientGone,
    };

    /// <summary>The app has ended the stream while the body was on its way: YARP takes that for the client's fault, and tells both.</summary>
    public static Failure OfCutBody(Exception? exception)
    {
        if (exception is AggregateException several)
        {
            foreach (var one in several.InnerExceptions)
            {
                if (OfRequest(one) is var told && told != Closed) return told;
            }
        }

        return OfRequest(exception);
    }

    /// <summary>The same failure, told from a used connection that the app had given up: the keep-alive race, not a crash.</summary>
    public Failure On(Exchange exchange) =>
        this == Closed && exchange is { OnUsedConnection: true, AnswerBegun: false } && !exchange.Target.HidesBytes ? Stale : this;

    private static Failure OfRequest(Exception? exception)
    {
        for (var e = exception; e is not null; e = e.InnerException)
        {
            if (OfHttp2(e as HttpProtocolException ?? e.InnerException as HttpProtocolException) is { } told) return told;
            if (e is HttpRequestException http)
            {
                switch (http.HttpRequestError)
                {
                    case HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError:
                        return OfConnect(http);
                    // An HTTP/2 app that ended before its SETTINGS: the handler says "invalid", with the end of the connection inside.
                    case HttpRequestError.InvalidResponse when HasEnd(http):
                        return Closed;
                    case HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError or HttpRequestError.ConfigurationLimitExceeded
                        or HttpRequestError.VersionNegotiationError:
                        return Protocol;
                    case HttpRequestError.ResponseEnded:
                        return Closed;
                }
            }
        }

        return Closed;
    }

    /// <summary>Whether the connection's end is among the reasons.</summary>
    private static bool HasEnd(Exception exception)
    {
        for (var e = exception.InnerException; e is not null; e = e.InnerException)
        {
            if (e is HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } or SocketException) return true;
        }

        return false;
    }

    /// <summary>What an HTTP/2 app says when it ends a stream or the connection, by RFC 9113 section 7; null where it, or we, found a fault in the protocol.</summary>
    private static Failure? OfHttp2(HttpProtocolException? said) => said?.ErrorCode switch
    {
        // REFUSED_STREAM.
        7 => RefusedStream,
        // NO_ERROR, INTERNAL_ERROR, CANCEL, ENHANCE_YOUR_CALM: it gives up, in whatever state.
        0 or 2 or 8 or 11 => Closed,
        _ => null,
    };

    private static Failure OfConnect(HttpRequestException exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (e is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.ConnectionReset }) return Refused;
            if (e is TimeoutException or SocketException { SocketErrorCode: SocketError.TimedOut }) return ConnectTimeout;
        }

        return ConnectError;
    }
}
