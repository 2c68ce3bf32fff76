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
            case 5 when method == "TRACE":
            case 7 when method == "OPTIONS":
                if (request.Headers.TryGetValue("Max-Forwards", out var forwards) && MaxForwards(forwards) == 0)
                    return method == "TRACE" ? OwnAnswer.Trace : OwnAnswer.Options;
                break;
        }

        return request.Headers.Via.Count > 0 && OwnEntries(request.Headers.Via) >= LoopAt ? OwnAnswer.Loop : null;
    }

    /// <summary>The value of Max-Forwards; null when it is not one decimal number, which is then nobody's limit.</summary>
    public static int? MaxForwards(StringValues values) =>
        values.Count == 1 && int.TryParse(values[0], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;

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

    private static int OwnEntries(StringValues via)
    {
        var count = 0;
        foreach (var line in via)
        {
            foreach (var entry in line.AsSpan().Split(','))
            {
                var words = line.AsSpan(entry).Trim();
                var space = words.IndexOf(' ');
                if (space > 0 && words[(space + 1)..].TrimStart().StartsWith(ViaField.Pseudonym, StringComparison.OrdinalIgnoreCase)) count++;
            }
        }

        return count;
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

/// <summary>Our entry in `Via`.</summary>
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
}
