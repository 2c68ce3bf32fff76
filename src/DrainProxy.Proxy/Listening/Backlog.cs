namespace DrainProxy.Proxy.Listening;

/// <summary>What one connection's client has not taken of its answers, in bytes of our memory.</summary>
internal sealed class Backlog
{
    /// <summary>What an exchange costs beside its body, in bytes: measured with answers of one byte on streams without a window (bench/README.md).</summary>
    public const int PerExchange = 12 * 1024;

    private long held;
    private long releases;

    /// <summary>Bytes held now.</summary>
    public long Held => Math.Max(0, Interlocked.Read(ref held));

    /// <summary>How often the client has taken what was held: goes up with each piece.</summary>
    public long Releases => Volatile.Read(ref releases);

    public void Hold(long bytes) => Interlocked.Add(ref held, bytes);

    public void Release(long bytes)
    {
        Interlocked.Add(ref held, -bytes);
        Interlocked.Increment(ref releases);
    }
}
