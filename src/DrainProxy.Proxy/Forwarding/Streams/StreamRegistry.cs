using System.Collections.Concurrent;
using DrainProxy.Proxy.Draining;

namespace DrainProxy.Proxy.Forwarding.Streams;

/// <summary>The open streams that have no end of their own, for the drain to end them.</summary>
internal sealed class StreamRegistry
{
    private readonly ConcurrentDictionary<DrainableStream, byte> streams = new();

    public int Count => streams.Count;

    public void Add(DrainableStream stream) => streams.TryAdd(stream, 0);

    public void Remove(DrainableStream stream) => streams.TryRemove(stream, out _);

    public IReadOnlyList<DrainableStream> Of(params ReadOnlySpan<StreamKind> kinds)
    {
        var found = new List<DrainableStream>();
        foreach (var (stream, _) in streams)
        {
            if (kinds.Contains(stream.Kind)) found.Add(stream);
        }

        return found;
    }
}
