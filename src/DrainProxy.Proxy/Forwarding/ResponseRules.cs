using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http.Features;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>What an answer of the app must be to be passed on; all else becomes a 502 (docs/http.md).</summary>
internal static class ResponseRules
{
    private static readonly SearchValues<char> NotInValue =
        SearchValues.Create([.. Enumerable.Range(0, 0x20).Where(i => i != 9).Append(0x7f).Select(i => (char)i)]);

    public static bool IsValid(HttpResponseMessage response, Exchange exchange)
    {
        var status = (int)response.StatusCode;
        if (status is < 101 or > 599) return false;
        if (status == 101 && !SwitchWasAsked(response, exchange)) return false;
        var chunked = false;
        foreach (var (name, values) in response.Headers.NonValidated)
        {
            if (name.Length == 17 && Is(name, "Transfer-Encoding"))
            {
                // RFC 9112 section 6.1: one coding that we know; none in HTTP/1.0 or HTTP/2.
                if (response.Version != HttpVersion.Version11 || values.Count != 1 || !Is(values.ToString().Trim(), "chunked")) return false;
                chunked = true;
            }

            if (!AreClean(values)) return false;
        }

        foreach (var (name, values) in response.Content.Headers.NonValidated)
        {
            if (!chunked && name.Length == 14 && Is(name, "Content-Length") && !IsLength(values)) return false;
            if (!AreClean(values)) return false;
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
        return Is(asked.ToString().Trim(), given.ToString().Trim());
    }

    private static bool IsLength(HeaderStringValues values)
    {
        if (values.Count != 1) return false;
        var text = values.ToString().AsSpan().Trim();
        return text.Length is > 0 and < 19 && !text.ContainsAnyExceptInRange('0', '9');
    }

    private static bool AreClean(HeaderStringValues values)
    {
        if (values.Count == 1) return !values.ToString().AsSpan().ContainsAny(NotInValue);
        foreach (var value in values)
        {
            if (value.AsSpan().ContainsAny(NotInValue)) return false;
        }

        return true;
    }

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
