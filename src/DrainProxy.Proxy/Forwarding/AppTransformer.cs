using System.Globalization;
using System.Net;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding.Streams;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What changes between the client's message and the app's: hop-by-hop fields, X-Forwarded-*, and the end of the connection.</summary>
/// <remarks>One for each exchange object, so that nothing has to be looked up per request.</remarks>
internal sealed class AppTransformer(
    Exchange exchange, Lifecycle lifecycle, StreamRegistry streams, ForwardingRules rules, TimeProvider time) : HttpTransformer
{
    public override ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        proxyRequest.RequestUri = exchange.RequestUri();
        // The token as it came: YARP takes `get` for GET. The GET of a WebSocket becomes an extended CONNECT for an HTTP/2 app, and the reverse.
        var method = httpContext.Request.Method;
        if (method != "CONNECT" && proxyRequest.Method != HttpMethod.Connect && !string.Equals(proxyRequest.Method.Method, method, StringComparison.Ordinal))
        {
            // The handler knows better, too; the stream below it puts that right.
            var odd = RequestLine.IsOdd(method);
            if (odd && exchange.Target.HidesBytes) return Refuse(FramingFault.MethodCase);
            proxyRequest.Method = odd ? RequestLine.Placeholder : new(method);
            if (odd)
            {
                exchange.HasOddHead = true;
                // Behind TLS the app might choose HTTP/2 this time.
                (proxyRequest.Version, proxyRequest.VersionPolicy) = (HttpVersion.Version11, HttpVersionPolicy.RequestVersionOrLower);
                if (proxyRequest.Content is null) exchange.AddsEmptyLength = true;
            }
        }

        // Content without a meaning (RFC 9110 section 9.3), which many an app does not read and takes for a next request: there is none.
        if (proxyRequest.Content is not null && (method is "GET" or "HEAD" or "DELETE" or "OPTIONS" or "TRACE")) proxyRequest.Headers.ConnectionClose = true;
        var headers = httpContext.Request.Headers;
        var nominated = headers.Connection.Count == 0 ? null : HopByHop.Nominated(headers.Connection);
        var chunked = headers.TransferEncoding.Count > 0;
        var trusted = exchange.Connection.PeerIsTrusted ??= rules.Trusts(exchange.Connection.RemoteAddress);
        StringValues forwardedFor = default, forwarded = default, via = default;
        bool hasProto = false, hasHost = false;
        foreach (var (name, values) in headers)
        {
            if (HopByHop.IsFixed(name) || name[0] == ':') continue;
            if (nominated is not null && HopByHop.Contains(nominated, name)) continue;
            if (name.Contains('_') && (rules.DropUnsafeFields || HopByHop.IsLookalike(name, trusted))) continue;
            if (rules.DropUnsafeFields && Is(name, "Proxy")) continue;
            switch (name.Length)
            {
                case 3 when Is(name, "Via"):
                    via = values;
                    continue;
                case 4 when Is(name, "Host"):
                    continue;
                case 6 when Is(name, "Cookie") && values.Count > 1:
                    // HTTP/2 may split it into crumbs (RFC 9113 section 8.2.3).
                    Copy(proxyRequest, name, string.Join("; ", (IEnumerable<string?>)values));
                    continue;
                case 9 when Is(name, "Forwarded"):
                    forwarded = values;
                    continue;
                case 12 when Is(name, "Max-Forwards") && method is "TRACE" or "OPTIONS" && RequestRules.MaxForwards(values) is { } left:
                    Copy(proxyRequest, name, (left - 1).ToString(CultureInfo.InvariantCulture));
                    continue;
                case 14 when chunked && Is(name, "Content-Length"):
                    continue;
                case 15 when Is(name, "X-Forwarded-For"):
                    if (trusted) forwardedFor = values;
                    continue;
                case 16 when trusted && Is(name, "X-Forwarded-Host"):
                    hasHost = true;
                    break;
                case 17 when trusted && Is(name, "X-Forwarded-Proto"):
                    hasProto = true;
                    break;
                default:
                    if (!trusted && name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)) continue;
                    break;
            }

            Copy(proxyRequest, name, values);
        }

        // Host passes as it came; SocketsHttpHandler would put the app's address there.
        // That of a target in absolute form counts (RFC 9112 section 3.2.2).
        var host = exchange.IsHttp2 || exchange.RawTarget[0] is '/' or '*' ? headers.Host.ToString() : AbsoluteForm.Authority(exchange.RawTarget);
        if (!SetHost(proxyRequest, host, headers.Host.Count > 0)) return Refuse(FramingFault.Host);

        var peer = exchange.Connection.PeerAddress;
        proxyRequest.Headers.TryAddWithoutValidation(
            "X-Forwarded-For", forwardedFor.Count == 0 ? peer : $"{string.Join(", ", (IEnumerable<string?>)forwardedFor)}, {peer}");
        // Not Request.Scheme: over HTTP/2 the client writes that as it likes.
        var scheme = exchange.Connection.IsTls ? "https" : "http";
        if (!hasProto) proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Proto", scheme);
        if (!hasHost && !string.IsNullOrEmpty(host)) proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Host", host);
        if (forwarded.Count > 0) proxyRequest.Headers.TryAddWithoutValidation("Forwarded", Forwarded(trusted ? forwarded : default, peer, scheme));
        if (rules.Via) proxyRequest.Headers.TryAddWithoutValidation("Via", ViaField.Entry(httpContext.Request.Protocol, via));
        else if (via.Count > 0) Copy(proxyRequest, "Via", via);
        // gRPC servers insist on it (RFC 9110 section 10.1.4); it speaks of this hop, and we do take trailers.
        if (exchange.Target.IsHttp2 && headers.TE.Count > 0) proxyRequest.Headers.TryAddWithoutValidation("TE", "trailers");
        return ValueTask.CompletedTask;
    }

    /// <summary>A status that YARP has not set ends the forwarding.</summary>
    private ValueTask Refuse(FramingFault fault)
    {
        exchange.Refusal = fault;
        exchange.Http.Response.StatusCode = fault.Status();
        return ValueTask.CompletedTask;
    }

    /// <summary>False when the handler cannot write the host, and the stream below it cannot put that right.</summary>
    private bool SetHost(HttpRequestMessage request, string host, bool given)
    {
        if (host.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("Host", host);
            // What the handler cannot read it would write beside one of its own.
            if (request.Headers.Host is not null) return true;
            if (exchange.Target.HidesBytes || (exchange.IsHttp2 && !RequestHead.IsHost(host))) return false;
        }
        else if (!given || exchange.Target.HidesBytes)
        {
            return true;
        }

        request.Headers.Remove("Host");
        request.Headers.Host = RequestLine.HostPlaceholder;
        (exchange.HasOddHead, exchange.HostAsItCame) = (true, host);
        return true;
    }

    /// <summary>RFC 7239: our element behind those received; an IPv6 address in brackets and quotes.</summary>
    private static string Forwarded(StringValues received, string peer, string scheme)
    {
        var own = $"for={(peer.Contains(':') ? $"\"[{peer}]\"" : peer)};proto={scheme}";
        return received.Count == 0 ? own : $"{string.Join(", ", (IEnumerable<string?>)received)}, {own}";
    }

    public override ValueTask<bool> TransformResponseAsync(
        HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null) return new(false);
        exchange.AnswerCame();
        if (exchange.IsProbe) exchange.ProbeAnswered();
        if (!ResponseRules.IsValid(proxyResponse, exchange)) return Refuse();

        ResponseRules.CleanReason(httpContext.Features.GetRequiredFeature<IHttpResponseFeature>());
        var headers = httpContext.Response.Headers;
        var source = proxyResponse.Headers.NonValidated;
        var nominated = source.TryGetValues("Connection", out var connection) ? HopByHop.Nominated(ToValues(connection)) : null;
        if (source.TryGetValues("Keep-Alive", out var keepAlive)) exchange.Target.Pool.Announced(keepAlive.ToString());
        foreach (var (name, values) in source)
        {
            if (HopByHop.IsFixed(name) || (nominated is not null && HopByHop.Contains(nominated, name))) continue;
            var copy = ToValues(values);
            if (!ResponseRules.IsClean(copy)) return Refuse();
            headers[name] = copy;
        }

        // A length on 204 is forbidden (RFC 9110 section 8.6), and one beside chunked is void (RFC 9112 section 6.3).
        var isSmall = (int)proxyResponse.StatusCode is 204 or 304;
        var dropLength = (int)proxyResponse.StatusCode is 204 || source.Contains("Transfer-Encoding");
        foreach (var (name, values) in proxyResponse.Content.Headers.NonValidated)
        {
            if (nominated is not null && HopByHop.Contains(nominated, name)) continue;
            if (dropLength && Is(name, "Content-Length")) continue;
            var copy = ToValues(values);
            if (!ResponseRules.IsClean(copy)) return Refuse();
            headers[name] = copy;
            // Below 10,000 bytes: not worth it.
            isSmall |= copy is [{ Length: < 5 }] && Is(name, "Content-Length");
        }

        // A 101's Connection field says Upgrade; its connection ends with the protocol it changes to.
        var switches = Switches(proxyResponse);
        if (!switches) CloseIfDue(headers);
        if (!switches && exchange.Target.Config.ActivityTimeout is { } silence && silence != Timeout.InfiniteTimeSpan)
            Wrap(proxyResponse, inner => exchange.Silence = new(inner, exchange.Http));
        if (!switches && source.Contains("Transfer-Encoding")) SendHeadFirst(proxyResponse);
        MakeDrainable(proxyResponse);
        // An HTTP/2 app can send content where there is none (RFC 9113 section 8.1.1), and Kestrel would end the client's connection for it.
        if (proxyResponse.Version.Major == 2 && ((int)proxyResponse.StatusCode is 204 or 304)) Wrap(proxyResponse, inner => new NoContentStream(inner));
        if (!isSmall && !switches) Pace(proxyResponse);
        if (MayEndInTrailers(proxyResponse, headers)) exchange.Chunked = ChunkedAnswer.Of(httpContext);
        return new(true);
    }

    /// <summary>
    /// The app's answer has a place for trailers, and either says that they come or has a client that wants them (RFC 9110 sections 6.6.2 and 10.1.4).
    /// HTTP/2 clients get them from Kestrel.
    /// </summary>
    private bool MayEndInTrailers(HttpResponseMessage response, IHeaderDictionary headers)
    {
        var request = exchange.Http.Request;
        if (headers.Trailer.Count == 0 && request.Headers.TE.Count == 0) return false;
        if (request.Protocol != HttpProtocol.Http11 || request.Method == "HEAD" || (int)response.StatusCode is < 200 or 204 or 205 or 304) return false;
        if (headers.ContentLength is not null) return false;
        if (!response.Headers.NonValidated.Contains("Transfer-Encoding") && response.Version.Major < 2) return false;
        return headers.Trailer.Count > 0 || HopByHop.TakesTrailers(request.Headers.TE);
    }

    /// <summary>The answer breaks HTTP's rules: nothing of it is passed on, and the client gets a 502.</summary>
    private ValueTask<bool> Refuse()
    {
        exchange.BadAnswer = true;
        return new(false);
    }

    public override async ValueTask TransformResponseTrailersAsync(
        HttpContext httpContext, HttpResponseMessage proxyResponse, CancellationToken cancellationToken)
    {
        if (exchange.Stream is { Kind: StreamKind.Grpc, EndedByUs: true })
        {
            if (httpContext.Features.Get<IHttpResponseTrailersFeature>()?.Trailers is { IsReadOnly: false } trailers)
            {
                trailers["grpc-status"] = "14";
                trailers["grpc-message"] = "the server is shutting down";
            }
        }
        else
        {
            await base.TransformResponseTrailersAsync(httpContext, proxyResponse, cancellationToken);
        }

        if (exchange.Chunked is { } chunked) await chunked.End(cancellationToken);
        // The client may take its time with a body that nobody wants; it has its answer now.
        if (exchange.RefusedEarly) await httpContext.Response.CompleteAsync();
    }

    /// <summary>While terminating, or when the connection has had its share, its last answer says so (RFC 9112 section 9.6).</summary>
    public void CloseIfDue(IHeaderDictionary headers)
    {
        var connection = exchange.Connection;
        if (lifecycle.Announcing)
        {
            if (connection.Http2 is { } http2) http2.Announce();
            else Close(connection, headers);
        }
        else if (connection.QuotaExceeded(time.GetElapsedTime(connection.OpenedAt, exchange.StartedAt)))
        {
            if (connection.Http2 is { } http2) http2.Announce();
            else Close(connection, headers);
        }
    }

    private static void Close(Listening.TrackedConnection connection, IHeaderDictionary headers)
    {
        headers.Connection = "close";
        connection.ClosesAfterAnswer();
    }

    private void SendHeadFirst(HttpResponseMessage response)
    {
        var http = exchange.Http;
        Wrap(response, inner => new HeadFirstStream(inner, cancel => http.Response.Body.FlushAsync(cancel)));
    }

    /// <summary>The wrapped content is asked for its fields by what comes later.</summary>
    private static void Wrap(HttpResponseMessage response, Func<Stream, Stream> wrap)
    {
        var fields = response.Content.Headers.NonValidated;
        var wrapped = new WrappedContent(response.Content, wrap);
        foreach (var (name, values) in fields) wrapped.Headers.TryAddWithoutValidation(name, values.ToString());
        response.Content = wrapped;
    }

    /// <summary>The app goes on in another protocol: by 101, or over HTTP/2 by the answer to an extended CONNECT (RFC 8441 section 5).</summary>
    private static bool Switches(HttpResponseMessage response) =>
        (int)response.StatusCode == 101 || ((int)response.StatusCode == 200 && response.RequestMessage?.Method == HttpMethod.Connect);

    private void Pace(HttpResponseMessage response)
    {
        var features = exchange.Http.Features;
        var paced = new PacedAnswer(features.GetRequiredFeature<IHttpResponseBodyFeature>(), exchange.Connection);
        features.Set<IHttpResponseBodyFeature>(exchange.Paced = paced);
        response.Content = new WrappedContent(response.Content, paced.From);
    }

    private void MakeDrainable(HttpResponseMessage response)
    {
        if (Switches(response))
        {
            exchange.Connection.Http1?.Tunnel();
            // Over HTTP/2 it was asked for by an extended CONNECT (RFC 8441), which RequestRules lets through for nothing else.
            if (exchange.IsHttp2 || Is(exchange.Http.Request.Headers.Upgrade.ToString(), "websocket"))
                Wrap(s => new WebSocketStream(s, time, () => exchange.Connection.FinIsExpected = true, () => exchange.Cancel?.Cancel()));
            return;
        }

        if (!response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var contentType)) return;
        var type = contentType.ToString();
        if (type.StartsWith("text/event-stream", StringComparison.OrdinalIgnoreCase))
        {
            // Drained by message, so a coding that hides the messages is passed as it is.
            if (!response.Content.Headers.NonValidated.Contains("Content-Encoding"))
                Wrap(s => new MessageStream(s, StreamKind.Sse, new SseBoundary()));
        }
        else if (type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
            && !type.StartsWith("application/grpc-web", StringComparison.OrdinalIgnoreCase))
        {
            Wrap(s => new MessageStream(s, StreamKind.Grpc, new GrpcBoundary()));
        }

        void Wrap(Func<Stream, DrainableStream> wrap) => response.Content = new WrappedContent(response.Content, inner =>
        {
            var stream = wrap(inner);
            exchange.Stream = stream;
            exchange.Connection.EndsWithFin = true;
            streams.Add(stream);
            return stream;
        });
    }

    private void Copy(HttpRequestMessage request, string name, StringValues values)
    {
        if (values.Count == 1)
        {
            if (!request.Headers.TryAddWithoutValidation(name, values[0])) Content(request, name)?.Headers.TryAddWithoutValidation(name, values[0]);
            return;
        }

        string?[] lines = values!;
        if (!request.Headers.TryAddWithoutValidation(name, lines)) Content(request, name)?.Headers.TryAddWithoutValidation(name, lines);
    }

    /// <summary>Where fields go that the handler counts to the content: a request without one gets an empty one.</summary>
    private HttpContent? Content(HttpRequestMessage request, string name)
    {
        if (request.Content is not null || Is(name, "Content-Length")) return request.Content;
        request.Content = new EmptyContent();
        if (!exchange.Target.HidesBytes) exchange.HasOddHead = exchange.AddsEmptyLength = true;
        return request.Content;
    }

    private static StringValues ToValues(System.Net.Http.Headers.HeaderStringValues values)
    {
        if (values.Count <= 1) return values.ToString();
        var lines = new string[values.Count];
        var i = 0;
        foreach (var line in values) lines[i++] = line;
        return lines;
    }

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
