namespace DrainProxy.Decisions.Pressure;

/// <summary>
/// How much of what clients send is kept in our memory before TCP or HTTP/2 pushes back: a thousand requests that wait with their bodies unread fit into
/// a quarter of the container's limit. Kestrel's own default is 1 MiB each: four hundred of them end a sidecar of 256 MiB (measured, bench/README.md).
/// </summary>
/// <param name="ReadBytes">For one connection.</param>
/// <param name="ConnectionWindow">For all streams of one HTTP/2 connection together.</param>
/// <param name="StreamWindow">For one stream.</param>
public readonly record struct OwnBuffers(int ReadBytes, int ConnectionWindow, int StreamWindow)
{
    private const int Most = 1 << 20;

    /// <summary>Two of the largest reads of a socket and one HTTP/2 frame fit into it (16 KiB, RFC 9113 section 4.2).</summary>
    private const int LeastRead = 16 << 10;

    /// <summary>A stream's window is at least the protocol's initial one (65,535 bytes, RFC 9113 section 6.9.2): Kestrel takes no smaller one.</summary>
    private const int LeastWindow = 128 << 10;

    /// <summary>For a container's limit in bytes; <see cref="long.MaxValue"/> without one.</summary>
    public static OwnBuffers For(long limit)
    {
        var connection = (int)Math.Clamp(limit / 1024, LeastWindow, Most);
        return new((int)Math.Clamp(limit / 4096, LeastRead, Most), connection, connection / 2);
    }
}
