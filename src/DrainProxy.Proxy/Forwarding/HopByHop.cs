using Microsoft.Extensions.Primitives;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Which fields belong to one hop (RFC 9110 section 7.6.1): the fixed ones, and those that the sender nominates in `Connection`.
/// Host, Content-Length, Cookie, Authorization and X-Forwarded-* cannot be nominated away, since that would weaken framing or policy.
/// </summary>
internal static class HopByHop
{
    /// <summary>Fields of one hop in requests and responses alike.</summary>
    public static bool IsFixed(string name) => name.Length switch
    {
        2 => Is(name, "TE"),
        7 => Is(name, "Upgrade"),
        10 => Is(name, "Connection") || Is(name, "Keep-Alive"),
        14 => Is(name, "HTTP2-Settings"),
        16 => Is(name, "Proxy-Connection"),
        17 => Is(name, "Transfer-Encoding"),
        _ => false,
    };

    /// <summary>Whether a `Connection` field names anything beyond keep-alive, close and upgrade; null when it does not.</summary>
    public static string[]? Nominated(StringValues connection)
    {
        List<string>? names = null;
        foreach (var line in connection)
        {
            if (line is null || Is(line, "keep-alive") || Is(line, "close")) continue;
            foreach (var part in line.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!Is(part, "keep-alive") && !Is(part, "close") && !Is(part, "upgrade") && !Is(part, "te") && MayBeNominated(part))
                    (names ??= []).Add(part);
            }
        }

        return names?.ToArray();
    }

    /// <summary>Whether the sender of a `TE` field takes trailers (RFC 9110 section 10.1.4).</summary>
    public static bool TakesTrailers(StringValues te)
    {
        foreach (var line in te)
        {
            if (line is null) continue;
            foreach (var part in line.Split(',', StringSplitOptions.TrimEntries))
            {
                if (Is(part, "trailers")) return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Whether CGI, WSGI, Rack or PHP take the name for one that frames the request, or that says from where it came: they read `_` as `-`
    /// (RFC 3875 section 4.1.18).
    /// </summary>
    /// <param name="name">A field's name that has a `_`.</param>
    /// <param name="trusted">The peer may say from where the request came.</param>
    public static bool IsLookalike(string name, bool trusted)
    {
        if (name.Length is not (14 or 17) && (trusted || name.Length < 13)) return false;
        var read = name.Replace('_', '-');
        return Is(read, "Content-Length") || Is(read, "Transfer-Encoding") || (!trusted && read.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase));
    }

    public static bool Contains(string[] nominated, string name)
    {
        foreach (var candidate in nominated)
        {
            if (Is(candidate, name)) return true;
        }

        return false;
    }

    private static bool MayBeNominated(string name) =>
        !Is(name, "Host") && !Is(name, "Content-Length") && !Is(name, "Cookie") && !Is(name, "Set-Cookie")
        && !Is(name, "Authorization") && !Is(name, "Forwarded") && !name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)
        && !name.StartsWith(':');

    private static bool Is(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
