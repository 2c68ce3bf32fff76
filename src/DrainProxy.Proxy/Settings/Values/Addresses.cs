using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of listeners and of apps. Each method answers null, or what is wrong in a few words; nothing is looked up here.</summary>
internal static class Addresses
{
    public const string ListenForms = "HOST:PORT, :PORT, PORT or [IPV6]:PORT, https:// in front for TLS; port 0 (a free one) to 65535";
    public const string AdminForms = "HOST:PORT, :PORT, PORT or [IPV6]:PORT; port 0 (a free one) to 65535";
    public const string AppForms = "http://HOST:PORT, https://HOST:PORT, h2c://HOST:PORT or unix:/PATH; port 1 to 65535";

    // sun_path holds 108 bytes with its terminating zero.
    private const int LongestUnixPath = 107;

    public static string? ParseListen(string text, string defaultHost, out ListenAddress? address)
    {
        address = null;
        var (scheme, rest) = SplitScheme(text);
        if (scheme is not (null or "http" or "https"))
            return $"`{scheme}://` is no scheme to listen on";
        if (AuthorityProblem(rest) is { } problem)
            return problem;

        if (SplitPort(rest, out var host, out var portText) is { } split)
            return split;
        if (!TryPort(portText, lowest: 0, out var port))
            return portText.Length == 0 ? "the port is missing" : "the port is not a number from 0 to 65535";
        if (host.Length == 0)
            host = defaultHost;
        else if (HostProblem(host) is { } hostProblem)
            return hostProblem;

        address = new ListenAddress(host, port, Tls: scheme == "https");
        return null;
    }

    public static string? ParseApp(string text, out AppAddress? address)
    {
        address = null;
        if (text.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
            return ParseUnix(text["unix:".Length..], out address);

        var (schemeText, rest) = SplitScheme(text);
        AppScheme? known = schemeText switch { "http" => AppScheme.Http, "https" => AppScheme.Https, "h2c" => AppScheme.H2c, _ => null };
        if (known is not { } scheme)
            return schemeText is null ? "the scheme is missing" : $"`{schemeText}://` is no scheme of an app";
        if (AuthorityProblem(rest) is { } problem)
            return problem;

        string? host, portText;
        if (rest.Contains(':') && !rest.EndsWith(']'))
        {
            if (SplitPort(rest, out host, out portText) is { } split)
                return split;
        }
        else
        {
            // A URL without a port means its scheme's own.
            (host, portText) = (rest.Trim('[', ']'), scheme == AppScheme.Https ? "443" : "80");
        }

        if (host.Length == 0)
            return "the host is missing";
        if (HostProblem(host) is { } hostProblem)
            return hostProblem;
        if (!TryPort(portText, lowest: 1, out var port))
            return "the port is not a number from 1 to 65535";

        address = new AppAddress(scheme, host, port);
        return null;
    }

    /// <summary>`LISTEN=APP`: a listener's address never holds an equals sign, so the first one parts them.</summary>
    public static string? ParseMap(string text, string defaultHost, out PortMap? map)
    {
        map = null;
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals < 0)
            return "`=` between listener and app is missing";
        if (ParseListen(text[..equals], defaultHost, out var listen) is { } listenProblem)
            return $"listener: {listenProblem}";
        if (ParseApp(text[(equals + 1)..], out var app) is { } appProblem)
            return $"app: {appProblem}";
        map = new PortMap(listen!, app!);
        return null;
    }

    private static string? ParseUnix(string rest, out AppAddress? address)
    {
        address = null;
        // unix:///run/app.sock is the same in the way of a URL.
        var path = rest.StartsWith("///", StringComparison.Ordinal) ? rest[2..] : rest;
        if (path.Length < 2 || path[0] != '/' || path[1] == '/')
            return "the socket's path is not absolute";
        if (path.Any(char.IsControl))
            return "the socket's path holds control characters";
        if (Encoding.UTF8.GetByteCount(path) > LongestUnixPath)
            return $"the socket's path is longer than {LongestUnixPath} bytes";
        address = new AppAddress(AppScheme.Unix, "localhost", 0, path);
        return null;
    }

    private static (string? Scheme, string Address) SplitScheme(string text)
    {
        var at = text.IndexOf("://", StringComparison.Ordinal);
        if (at < 0)
            return (null, text);
        var rest = text[(at + 3)..];
        // "http://host:80/" names no path worth an error.
        if (rest.Length > 1 && rest.IndexOf('/', StringComparison.Ordinal) == rest.Length - 1)
            rest = rest[..^1];
        // RFC 3986 section 3.1: schemes are case-insensitive.
        return (text[..at].ToLowerInvariant(), rest);
    }

    private static string? AuthorityProblem(string rest) => rest switch
    {
        "" => "the address is empty",
        _ when rest.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)) => "blanks or control characters in the address",
        _ when rest.Contains('@') => "user information does not belong here",
        _ when rest.Contains('?') => "a query does not belong here",
        _ when rest.Contains('#') => "a fragment does not belong here",
        _ when rest.Contains('/') => "a path does not belong here",
        _ => null,
    };

    private static string? SplitPort(string text, out string host, out string port)
    {
        (host, port) = ("", "");
        if (text.All(char.IsAsciiDigit))
        {
            port = text;
            return null;
        }

        var colon = text.LastIndexOf(':');
        if (text[0] == '[')
        {
            var close = text.IndexOf(']', StringComparison.Ordinal);
            if (close < 0 || (close + 1 < text.Length && text[close + 1] != ':'))
                return "the brackets around the IPv6 address do not match";
            host = text[1..close];
            port = close + 1 < text.Length ? text[(close + 2)..] : "";
            return IPAddress.TryParse(host, out var ip) && ip.AddressFamily == AddressFamily.InterNetworkV6 ? null : "no IPv6 address in the brackets";
        }

        if (colon < 0)
            return "the port is missing";
        if (text.IndexOf(':', StringComparison.Ordinal) != colon)
            return "an IPv6 address stands in brackets, as [::]:8080";
        host = text[..colon];
        port = text[(colon + 1)..];
        return null;
    }

    private static string? HostProblem(string host)
    {
        if (host.Contains(':'))
            return IPAddress.TryParse(host, out _) ? null : "the host is no IPv6 address";
        // The framework reads "1" and "127.1" as addresses; nobody who writes them means that.
        if (host.All(c => char.IsAsciiDigit(c) || c == '.'))
            return host.Count(c => c == '.') == 3 && IPAddress.TryParse(host, out _) ? null : "the host is no IPv4 address";
        return host.All(char.IsAscii) && Uri.CheckHostName(host) == UriHostNameType.Dns ? null : "the host is no valid name";
    }

    private static bool TryPort(string text, int lowest, out int port)
    {
        port = 0;
        if (text.Length is 0 or > 5 || !text.All(char.IsAsciiDigit))
            return false;
        port = int.Parse(text);
        return port >= lowest && port <= IPEndPoint.MaxPort;
    }
}
