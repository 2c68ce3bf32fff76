using System.Text;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Heads that SocketsHttpHandler will not write as they came: it makes `get` GET (and takes `head` for HEAD), a URI cannot say `*`,
/// a Host must be a name that it can parse, and fields that describe a content need one, which then gets a length.
/// </summary>
internal static class RequestLine
{
    /// <summary>Stands for a method that the handler would take for another.</summary>
    public static readonly HttpMethod Placeholder = new("DRAINPROXY-AS-IT-CAME");

    /// <summary>Stands for a Host that the handler cannot write.</summary>
    public const string HostPlaceholder = "drainproxy-as-it-came.invalid";

    private static ReadOnlySpan<byte> HostLine => "\r\nHost: drainproxy-as-it-came.invalid\r\n"u8;

    private static ReadOnlySpan<byte> EmptyLength => "\r\nContent-Length: 0\r\n"u8;

    /// <summary>Whether the handler would take the method for a known one that it is not.</summary>
    public static bool IsOdd(string method) =>
        method.AsSpan().ContainsAnyInRange('a', 'z') && HttpMethod.Parse(method) is var known && known.Method != method;

    /// <summary>The head as it came.</summary>
    /// <param name="head">What the handler writes.</param>
    /// <param name="exchange">What the client sent.</param>
    public static ReadOnlyMemory<byte> Restore(ReadOnlyMemory<byte> head, Exchange exchange)
    {
        var method = exchange.Http.Request.Method;
        var span = head.Span;
        var first = span.IndexOf((byte)' ');
        var second = span[(first + 1)..].IndexOf((byte)' ') + first + 1;
        var path = exchange.IsForServer ? "*" : Encoding.Latin1.GetString(span[(first + 1)..second]);
        var rest = span[second..];
        if (exchange.HostAsItCame is { } host) rest = WithHost(rest, host);
        // The client's request has no content and says nothing of a length.
        var length = exchange.AddsEmptyLength ? rest.IndexOf(EmptyLength) : -1;
        return length < 0
            ? (byte[])[.. Encoding.Latin1.GetBytes($"{method} {path}"), .. rest]
            : [.. Encoding.Latin1.GetBytes($"{method} {path}"), .. rest[..length], .. rest[(length + EmptyLength.Length - 2)..]];
    }

    private static ReadOnlySpan<byte> WithHost(ReadOnlySpan<byte> rest, string host)
    {
        var at = rest.IndexOf(HostLine);
        return at < 0 ? rest : (byte[])[.. rest[..at], .. Encoding.Latin1.GetBytes($"\r\nHost: {host}\r\n"), .. rest[(at + HostLine.Length)..]];
    }
}
