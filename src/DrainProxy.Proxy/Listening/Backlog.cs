using DrainProxy.Decisions.SlowPeers;

namespace DrainProxy.Proxy.Listening;

/// <summary>What one connection's client has not taken of its answers, in bytes of our memory.</summary>
/// <param name="all">What is held of all connections.</param>
internal sealed class Backlog(Backlog? all = null)
{
    /// <summary>
    /// What an exchange costs beside its body, in bytes, its connection to the app included: measured with large answers on streams without a window
    /// (bench/README.md).
    /// </summary>
    public const int PerExchange = 36 * 1024;

    /// <summary>Bytes that all clients together may hold.</summary>
    public static readonly long Allowed = Backlogs.Allowed(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    private long held;
    private long releases;

    /// <summary>Bytes held now.</summary>
    public long Held => Math.Max(0, Interlocked.Read(ref held));

    /// <summary>How often the client has taken what was held: goes up with each piece.</summary>
    public long Releases => Volatile.Read(ref releases);

    /// <summary>All clients together hold half of what they may: less is taken from apps ahead of them.</summary>
    public bool IsTight => all is not null && all.Held > Allowed / 2;

    /// <summary>Of that of all connections: raised when more comes to be held than may be.</summary>
    public Action? Exceeded { get; set; }

    public void Hold(long bytes)
    {
        var now = Interlocked.Add(ref held, bytes);
        if (now > Allowed && now - bytes <= Allowed) Exceeded?.Invoke();
        all?.Hold(bytes);
    }

    public void Release(long bytes)
    {
        Interlocked.Add(ref held, -bytes);
        Interlocked.Increment(ref releases);
        all?.Release(bytes);
    }
}
