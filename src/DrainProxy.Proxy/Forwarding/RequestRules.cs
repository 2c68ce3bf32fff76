using System.Globalization;
using System.Text;
using DrainProxy.Decisions.Framing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>Requests that are answered here and never forwarded, by the rules of HTTP alone; docs/http.md lists them.</summary>
internal static class RequestRules
{
    /// <summary>Own entries in a received `Via` from which on the request runs in a circle; a chain of a few sidecars is none.</summary>
    private const int LoopAt = 3;

    private static readonly OwnAnswer[] Faults = [.. Enum.GetValues<FramingFault>().Select(OwnAnswer.Of)];

    public static OwnAnswer Of(FramingFault fault) => Faults[(int)fault];

    /// <summary>The answer that the request gets from us; null: forward it.</summary>
    public static OwnAnswer? Check(Exchange exchange)
    {
        var request = exchange.Http.Request;
        if (exchange.Connection.Http1 is { IsSubstitute: true } reader) return Faults[(int)reader.Fault];
        if (exchange.IsHttp2)
        {
            if (!FieldsAreValid(request.Headers)) return Faults[(int)FramingFault.FieldValue];
            // RFC 9113 section 8.3.1: :authority or Host, and neither empty.
            if (string.IsNullOrEmpty(request.Headers.Host)) return Faults[(int)FramingFault.Host];
            if (exchange.RawTarget.AsSpan().ContainsAnyExceptInRange('!', '~')) return Faults[(int)FramingFault.Target];
        }

        var method = request.Method;
        switch (method.Length)
        {
            case 7 when method == "CONNECT":
                // A WebSocket over HTTP/2 is a CONNECT with a protocol (RFC 8441); a tunnel is no business of a gateway.
                if (exchange.Http.Features.Get<IHttpExtendedConnectFeature>() is { IsExtendedConnect: true } extended)
                    return string.Equals(extended.Protocol, "websocket", StringComparison.OrdinalIgnoreCase) && !request.Headers.ContainsKey("Sec-WebSocket-Key")
                        ? null : OwnAnswer.UnknownProtocol;
                return OwnAnswer.Connect;
            case 7 when string.Equals(method, "CONNECT", StringComparison.OrdinalIgnoreCase):
                // Another method by RFC 9110 section 9.1, which YARP cannot tell apart.
                return OwnAnswer.Connect;
            case 5 when method == "TRACE":
            case 7 when method == "OPTIONS":
                if (request.Headers.TryGetValue("Max-Forwards", out var forwards) && MaxForwards(forwards) == 0)
                    return method == "TRACE" ? OwnAnswer.Trace : OwnAnswer.Options;
                break;
        }

        return request.Headers.Via.Count > 0 && ViaField.OwnEntries(request.Headers.Via) >= LoopAt ? OwnAnswer.Loop : null;
    }

    /// <summary>The value of Max-Forwards, no more than we can count; null when it is not one decimal number, which is then nobody's limit.</summary>
    public static int? MaxForwards(StringValues values)
    {
        if (values.Count != 1 || string.IsNullOrEmpty(values[0]) || values[0].AsSpan().ContainsAnyExceptInRange('0', '9')) return null;
        return int.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : int.MaxValue;
    }

    /// <summary>Whether what came behind a body over HTTP/2 leaves the request a good one: a malformed one is not to be completed (RFC 9113 section 8.1.1).</summary>
    public static bool TrailersAreValid(HttpRequest request) =>
        !request.SupportsTrailers() || !request.CheckTrailersAvailable()
        || request.HttpContext.Features.Get<IHttpRequestTrailersFeature>() is not { } trailers || FieldsAreValid(trailers.Trailers);

    /// <summary>The request as it came, for TRACE; without what a client would not want to see in another's hands (RFC 9110 section 9.3.8).</summary>
    public static byte[] Echo(HttpContext http)
    {
        var text = new StringBuilder();
        text.Append(http.Request.Method).Append(' ').Append(http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget).Append(" HTTP/1.1\r\n");
        foreach (var (name, values) in http.Request.Headers)
        {
            if (name[0] == ':' || name.Contains("auth", StringComparison.OrdinalIgnoreCase) || name.Contains("cookie", StringComparison.OrdinalIgnoreCase)) continue;
            foreach (var value in values) text.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        return Encoding.Latin1.GetBytes(text.Append("\r\n").ToString());
    }

    /// <summary>RFC 9113 sections 8.2.1 and 8.2.2, where Kestrel is lenient.</summary>
    private static bool FieldsAreValid(IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers)
        {
            if (name.Length == 0 || name[0] != ':' && name.AsSpan().ContainsAnyExcept(FieldChars.Token)) return false;
            // TE may say "trailers", which Kestrel sees to; all other fields of one hop have no place in HTTP/2.
            if (HopByHop.IsFixed(name) && name.Length != 2) return false;
            foreach (var value in values)
            {
                if (string.IsNullOrEmpty(value)) continue;
                if (value[0] is ' ' or '\t' || value[^1] is ' ' or '\t' || value.AsSpan().ContainsAny(FieldChars.NotInValue)) return false;
            }
        }

        return true;
    }
}

/// <summary>Our entry in `Via`: a protocol, then our pseudonym (RFC 9110 section 7.6.3).</summary>
internal static class ViaField
{
    public const string Pseudonym = "drainproxy";
    private const string Http10 = "1.0 " + Pseudonym;
    private const string Http11 = "1.1 " + Pseudonym;
    private const string Http20 = "2 " + Pseudonym;

    /// <summary>What a request on this protocol gets appended.</summary>
    public static string Entry(string protocol, StringValues received)
    {
        var own = protocol == HttpProtocol.Http11 ? Http11 : HttpProtocol.IsHttp2(protocol) ? Http20 : Http10;
        return received.Count == 0 ? own : $"{string.Join(", ", (IEnumerable<string?>)received)}, {own}";
    }

    /// <summary>How often the request has passed here. Comments are nobody's entries, and neither are names that only begin like ours.</summary>
    public static int OwnEntries(StringValues via)
    {
        var count = 0;
        foreach (var line in via)
        {
            for (var rest = line.AsSpan(); !rest.IsEmpty;)
            {
                var end = EntryEnd(rest, out var comment);
                if (IsOwn(rest[..comment].Trim(" \t"))) count++;
                rest = end < rest.Length ? rest[(end + 1)..] : [];
            }
        }

        return count;
    }

    /// <summary>Where the first entry ends.</summary>
    /// <param name="entries">Entries, separated by commas outside comments.</param>
    /// <param name="comment">Where its comment begins, or its end.</param>
    private static int EntryEnd(ReadOnlySpan<char> entries, out int comment)
    {
        var depth = 0;
        comment = -1;
        for (var i = 0; i < entries.Length; i++)
        {
            switch (entries[i])
            {
                case '\\' when depth > 0:
                    i++;
                    break;
                case '(':
                    if (comment < 0) comment = i;
                    depth++;
                    break;
                case ')' when depth > 0:
                    depth--;
                    break;
                case ',' when depth == 0:
                    if (comment < 0) comment = i;
                    return i;
            }
        }

        if (comment < 0) comment = entries.Length;
        return entries.Length;
    }

    private static bool IsOwn(ReadOnlySpan<char> entry)
    {
        var blank = entry.IndexOfAny(' ', '\t');
        return blank > 0 && entry[blank..].TrimStart(" \t").Equals(Pseudonym, StringComparison.OrdinalIgnoreCase);
    }
}
