using System.Globalization;
using System.Text;

namespace DrainProxy.Demo.Http;

/// <summary>
/// One HTTP/1.1 request or response with its whole body. The demo speaks HTTP by itself on purpose: a client library would retry, reuse
/// and close as it sees fit, and hide exactly the failures that the demo is there to count.
/// </summary>
internal sealed record HttpMessage(string StartLine, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    private static readonly string[] HopByHop = ["Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "TE", "Upgrade", "Proxy-Connection"];

    /// <summary>The status of a response; 0 when the line is none.</summary>
    public int Status => StartLine.Split(' ') is ["HTTP/1.1" or "HTTP/1.0", var code, ..] && int.TryParse(code, CultureInfo.InvariantCulture, out var status)
        ? status
        : 0;

    /// <summary>Whether the sender keeps the connection open after this message.</summary>
    public bool KeepAlive => !StartLine.Contains("HTTP/1.0", StringComparison.Ordinal)
        && Header("Connection")?.Contains("close", StringComparison.OrdinalIgnoreCase) is not true;

    public static HttpMessage Request(string method, string target, string host, byte[] body) =>
        new($"{method} {target} HTTP/1.1", [new("Host", host)], body);

    public static HttpMessage Response(int status, string reason, byte[] body, params IReadOnlyList<KeyValuePair<string, string>> headers) =>
        new($"HTTP/1.1 {status} {reason}", headers, body);

    public string? Header(string name) => Headers
        .FirstOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>The same message as an intermediary sends it on: hop-by-hop headers belong to one connection (RFC 9110, 7.6.1).</summary>
    public HttpMessage Forwarded(params IReadOnlyList<KeyValuePair<string, string>> added) => this with
    {
        Headers = [.. Headers.Where(header => !HopByHop.Contains(header.Key, StringComparer.OrdinalIgnoreCase)), .. added],
    };

    public byte[] Serialize()
    {
        var head = new StringBuilder(StartLine).Append("\r\n");
        foreach (var (name, value) in Headers)
            head.Append(name).Append(": ").Append(value).Append("\r\n");
        if (Body.Length > 0 || !StartLine.StartsWith("GET ", StringComparison.Ordinal))
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {Body.Length}\r\n");
        return [.. Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()), .. Body];
    }
}
