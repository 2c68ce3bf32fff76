namespace DrainProxy.Decisions.Pressure;

/// <summary>
/// How much of what clients send is kept in our memory before TCP or HTTP/2 pushes back: a thousand requests that wait with their bodies unread fit into
/// a quarter of the container's limit. Kestrel's own default is 1 MiB each: four hundred of them end a sidecar of 256 MiB (measured, bench/README.md).
/// </summary>
/// <param name="ReadBytes">For one connection.</param>
/// <param name="ConnectionWindow">For all streams of one HTTP/2 connection together.</param>
/// <param name="StreamWindow">For one stream.</param>
/// <param name="Uploads">How many uploads may be on their way to the app at once; <see cref="int.MaxValue"/> without a limit.</param>
/// <param name="WaitingUploads">How many more may wait for that, their bodies unread; beyond it they are refused.</param>
public readonly record struct OwnBuffers(int ReadBytes, int ConnectionWindow, int StreamWindow, int Uploads, int WaitingUploads)
{
    private const int Most = 1 << 20;

    /// <summary>Two of the largest reads of a socket and one HTTP/2 frame fit into it (16 KiB, RFC 9113 section 4.2).</summary>
    private const int LeastRead = 16 << 10;

    /// <summary>A stream's window is at least the protocol's initial one (65,535 bytes, RFC 9113 section 6.9.2): Kestrel takes no smaller one.</summary>
    private const int LeastWindow = 128 << 10;

    /// <summary>
    /// What an upload holds beside what is read ahead of it, in bytes, once the app does not read: the forwarder's piece of 64 KiB, what the client and the app's
    /// connection have of buffers and objects (measured: 110 to 125 KB each, bench/README.md). It comes late, when the kernel's buffers are full: used memory does not announce it.
    /// </summary>
    private const int UploadBytes = 112 << 10;

    /// <summary>Bytes that the program uses before the first upload.</summary>
    private const long Base = 28L << 20;

    /// <summary>Share of the limit within which uploads stay when all of them stand still; the rest is for everything else, and for the moment in which they end.</summary>
    private const double UploadsUpTo = 0.6;

    /// <summary>Share of the limit for those that wait, and what one holds beside what is read ahead of it, in bytes.</summary>
    private const double WaitingShare = 0.06;
    private const int WaitingBytes = 16 << 10;

    /// <summary>However small the limit.</summary>
    private const int LeastUploads = 16;

    /// <summary>For a container's limit in bytes; <see cref="long.MaxValue"/> without one.</summary>
    public static OwnBuffers For(long limit)
    {
        var connection = (int)Math.Clamp(limit / 1024, LeastWindow, Most);
        var read = (int)Math.Clamp(limit / 4096, LeastRead, Most);
        return new(
            read, connection, connection / 2, Fit((limit * UploadsUpTo) - Base, read + UploadBytes), Fit(limit * WaitingShare, read + WaitingBytes));

        int Fit(double room, int each) => limit == long.MaxValue ? int.MaxValue : (int)Math.Clamp(room / each, LeastUploads, int.MaxValue);
    }
}
