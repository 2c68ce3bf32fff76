namespace DrainProxy.Proxy.Forwarding;

/// <summary>
/// Blanks between a field's name and its colon, which a proxy takes off answers (RFC 9112 section 5.1): SocketsHttpHandler does so with
/// spaces, and refuses the whole answer for a tab.
/// </summary>
internal static class FieldBlanks
{
    /// <summary>Makes such tabs spaces, as far as the head has come.</summary>
    public static void Mend(Span<byte> head)
    {
        if (head.IndexOf("\t:"u8) < 0) return;
        for (var lines = head; lines.IndexOf((byte)'\n') is >= 0 and var end && !lines.StartsWith("\r\n"u8); lines = lines[(end + 1)..])
        {
            // A folded line goes on with a value.
            if (lines[0] is (byte)' ' or (byte)'\t') continue;
            for (var at = lines[..end].IndexOf((byte)':') - 1; at >= 0 && lines[at] is (byte)' ' or (byte)'\t'; at--) lines[at] = (byte)' ';
        }
    }
}
