using System.Net;
using System.Net.Http.Headers;
using DrainProxy.Decisions.Framing;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What an answer of the app must be to be passed on; all else becomes a 502 (docs/http.md).</summary>
internal static class ResponseRules
{
    /// <summary>What the status line and the framing say; field values are looked at while they are copied, by <see cref="IsClean"/>.</summary>
    public static bool IsValid(HttpResponseMessage response, Exchange exchange)
    {
        var status = (int)response.StatusCode;
        if (status is < 101 or > 599 || exchange.HasNulInHead) return false;
        // Over HTTP/2 a WebSocket opens with 2xx (RFC 8441 section 5); an HTTP/1.1 app that says it has not opened one.
        if (status is >= 200 and < 300 && exchange.IsHttp2 && response.Version.Major < 2 && exchange.Http.Request.Method == "CONNECT") return false;
        if (status == 101 && !SwitchWasAsked(response, exchange)) return false;
        if (response.Headers.NonValidated.TryGetValues("Transfer-Encoding", out var codings))
        {
            // 205 has no content (RFC 9110 section 15.3.6), and Kestrel sends none.
            if (status == 205) return false;
            // RFC 9112 section 6.1: one coding that we know; none in HTTP/1.0 or HTTP/2. A length beside it is void.
            return response.Version == HttpVersion.Version11 && codings.Count == 1 && Is(codings.ToString().Trim(' ', '\t'), "chunked");
        }

        if (!response.Content.Headers.NonValidated.TryGetValues("Content-Length", out var lengths)) return true;
        return IsLength(lengths) && (status != 205 || lengths.ToString().Trim(' ', '\t').All(c => c == '0'));
    }

    /// <summary>Whether a field may be sent on (RFC 9110 section 5.5).</summary>
    public static bool IsClean(StringValues values)
    {
        foreach (var value in values)
        {
            if (value.AsSpan().ContainsAny(FieldChars.NotInValue)) return false;
        }

        return true;
    }

    /// <summary>The app's own words after the status; none where they could not be sent on as they are.</summary>
    public static void CleanReason(IHttpResponseFeature response)
    {
        if (response.ReasonPhrase is { } reason && reason.AsSpan().ContainsAnyExceptInRange(' ', '~')) response.ReasonPhrase = null;
    }

    private static bool SwitchWasAsked(HttpResponseMessage response, Exchange exchange)
    {
        var asked = exchange.Http.Request.Headers.Upgrade;
        if (exchange.Http.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true }) return true;
        if (asked.Count == 0 || !response.Headers.NonValidated.TryGetValues("Upgrade", out var given)) return false;
        // h2c is never sent on, so no app can have been asked for it.
        return !Is(asked.ToString().Trim(' ', '\t'), "h2c") && Is(asked.ToString().Trim(' ', '\t'), given.ToString().Trim(' ', '\t'));
    }

    private static bool IsLength(HeaderStringValues values)
    {
        if (values.Count != 1) return false;
        var text = values.ToString().AsSpan().Trim(" \t");
        return text.Length is > 0 and < 19 && !text.ContainsAnyExceptInRange('0', '9');
    }

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
