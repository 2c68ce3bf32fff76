using System.Text;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>Request lines that SocketsHttpHandler will not write: it makes `get` GET, and a URI cannot say `*`.</summary>
internal static class RequestLine
{
    /// <summary>Whether the line on the wire would differ from the client's.</summary>
    public static bool IsOdd(string method, string target) =>
        target == "*" || (method.AsSpan().ContainsAnyInRange('a', 'z') && HttpMethod.Parse(method) is var known && known.Method != method);

    /// <summary>The head with the line as it came.</summary>
    public static ReadOnlyMemory<byte> Restore(ReadOnlyMemory<byte> head, string method, string target)
    {
        var span = head.Span;
        var first = span.IndexOf((byte)' ');
        var second = span[(first + 1)..].IndexOf((byte)' ') + first + 1;
        var path = target == "*" ? "*" : Encoding.Latin1.GetString(span[(first + 1)..second]);
        return (byte[])[.. Encoding.Latin1.GetBytes($"{method} {path}"), .. span[second..]];
    }
}
