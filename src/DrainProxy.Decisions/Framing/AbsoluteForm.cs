using System.Text;

namespace DrainProxy.Decisions.Framing;

/// <summary>Request targets in absolute form (RFC 9112 section 3.2.2): a whole URI, whose host is the one that counts.</summary>
public static class AbsoluteForm
{
    /// <summary>Length of `http://` or `https://` in any case (RFC 3986 section 3.1) at the start of a target; 0 when there is none.</summary>
    public static int Scheme(ReadOnlySpan<byte> target)
    {
        if (target.Length > 7 && FieldSyntax.Is(target[..7], "http://"u8)) return 7;
        return target.Length > 8 && FieldSyntax.Is(target[..8], "https://"u8) ? 8 : 0;
    }

    /// <summary>Where the scheme of a target stands that is not written in lower case, the only form that Kestrel takes; -1 when there is none.</summary>
    /// <param name="head">A head that was checked.</param>
    /// <param name="length">Length of the scheme.</param>
    public static int OddScheme(ReadOnlySpan<byte> head, out int length)
    {
        var at = head.IndexOf((byte)' ') + 1;
        length = head[at] is (byte)'/' or (byte)'*' ? 0 : Scheme(head[at..]);
        return length > 0 && head.Slice(at, length).IndexOfAnyInRange((byte)'A', (byte)'Z') >= 0 ? at : -1;
    }

    /// <summary>Host and port of a target in absolute form.</summary>
    public static string Authority(string target)
    {
        var start = target.IndexOf("://", StringComparison.Ordinal) + 3;
        var end = target.AsSpan(start).IndexOfAny('/', '?', '#');
        return end < 0 ? target[start..] : target.Substring(start, end);
    }

    /// <summary>
    /// Whether the target names a host, and Host, when it is given, names the same: another one is an attempt to have two. What
    /// <see cref="Uri"/> cannot read Kestrel would refuse, so it is refused here.
    /// </summary>
    /// <param name="target">With a scheme.</param>
    /// <param name="host">The Host field.</param>
    /// <param name="hasHost">HTTP/1.0 may do without one.</param>
    internal static bool IsFor(ReadOnlySpan<byte> target, ReadOnlySpan<byte> host, bool hasHost)
    {
        var scheme = Scheme(target);
        var authority = target[scheme..];
        var end = authority.IndexOfAny((byte)'/', (byte)'?', (byte)'#');
        if (end >= 0) authority = authority[..end];
        if (!FieldSyntax.IsHost(authority) || authority.IsEmpty) return false;
        if (!Uri.TryCreate(Encoding.Latin1.GetString(target), UriKind.Absolute, out _)) return false;
        return !hasHost || FieldSyntax.Is(WithoutDefaultPort(authority, scheme == 8), WithoutDefaultPort(host, scheme == 8));
    }

    private static ReadOnlySpan<byte> WithoutDefaultPort(ReadOnlySpan<byte> host, bool secure)
    {
        var port = secure ? ":443"u8 : ":80"u8;
        return host.EndsWith(port) ? host[..^port.Length] : host;
    }
}
