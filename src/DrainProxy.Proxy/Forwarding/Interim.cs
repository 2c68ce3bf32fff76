using System.Text;
using DrainProxy.Decisions.Framing;
using DrainProxy.Proxy.Listening.Http2;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Interim answers (103 Early Hints and its kin, RFC 9110 section 15.2), which Kestrel cannot send: written beside it, before the final
/// answer begins. 100 is Kestrel's own to say. HTTP/1.0 clients get none.
/// </summary>
internal static class Interim
{
    private const int StatusAt = 9;

    /// <summary>Fields of a hint are few; more would be an attempt.</summary>
    private const int MaxBytes = 8 * 1024;

    public static void Send(Exchange exchange, ReadOnlySpan<byte> head)
    {
        if (head.Length > MaxBytes || head.Length < StatusAt + 4) return;
        var code = head.Slice(StatusAt, 3);
        if (code.ContainsAnyExceptInRange((byte)'0', (byte)'9') || head[StatusAt + 3] is not ((byte)' ' or (byte)'\r') || code.SequenceEqual("100"u8)) return;
        var status = Encoding.Latin1.GetString(head.Slice(StatusAt, 3));
        var fields = Fields(Encoding.Latin1.GetString(head));
        if (exchange.Connection.Http2 is { } http2)
        {
            if (exchange.Http.Features.Get<IHttp2StreamIdFeature>() is { StreamId: var stream }) http2.TryInsert(HeadersFrame.Make(stream, status, fields));
            return;
        }

        if (exchange.Http.Request.Protocol != HttpProtocol.Http11) return;
        var text = new StringBuilder($"HTTP/1.1 {status} {(status == "103" ? "Early Hints" : "Interim")}\r\n");
        foreach (var (name, value) in fields) text.Append(name).Append(": ").Append(value).Append("\r\n");
        exchange.Connection.TrySendBeside(Encoding.Latin1.GetBytes(text.Append("\r\n").ToString()));
    }

    private static List<(string Name, string Value)> Fields(string head)
    {
        var fields = new List<(string Name, string Value)>();
        string[] nominated = [];
        foreach (var line in head.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Skip(1))
        {
            var colon = line.IndexOf(':');
            if (colon <= 0 || line.AsSpan(0, colon).ContainsAnyExcept(FieldChars.Token) || line.Any(c => c is < ' ' and not '\t' or '\x7f')) continue;
            var name = line[..colon];
            if (name.Equals("Connection", StringComparison.OrdinalIgnoreCase)) nominated = [.. nominated, .. HopByHop.Nominated(line[(colon + 1)..]) ?? []];
            if (HopByHop.IsFixed(name) || name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)) continue;
            fields.Add((name, line[(colon + 1)..].Trim(' ', '\t')));
        }

        fields.RemoveAll(f => HopByHop.Contains(nominated, f.Name));
        return fields;
    }
}
