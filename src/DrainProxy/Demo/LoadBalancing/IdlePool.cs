namespace DrainProxy.Demo.LoadBalancing;

/// <summary>
/// Idle connections to one target, most recently used first. An entry leaves exactly once: taken, removed, expired or closed with the pool;
/// so a connection that the peer closes while it is being taken belongs to the taker, which then fails as a real load balancer does.
/// </summary>
internal sealed class IdlePool<T>(TimeSpan maxIdle, TimeProvider time) : IDisposable
    where T : class, IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<(T Connection, long Since)> _idle = [];
    private bool _closed;

    public int Count
    {
        get
        {
            lock (_lock)
                return _idle.Count;
        }
    }

    /// <summary>Takes the most recently used connection that has not idled too long; those that have are closed. Null: open a new one.</summary>
    public T? Take()
    {
        List<T> expired = [];
        T? taken = null;
        lock (_lock)
        {
            while (taken is null && _idle.Count > 0)
            {
                var (connection, since) = _idle[^1];
                _idle.RemoveAt(_idle.Count - 1);
                if (time.GetElapsedTime(since) < maxIdle)
                    taken = connection;
                else
                    expired.Add(connection);
            }
        }

        expired.ForEach(connection => connection.Dispose());
        return taken;
    }

    /// <summary>Gives a connection back; false when the pool is closed, and then the connection is too.</summary>
    public bool Return(T connection)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                _idle.Add((connection, time.GetTimestamp()));
                return true;
            }
        }

        connection.Dispose();
        return false;
    }

    /// <summary>Takes this connection out and closes it, when it is still idle here.</summary>
    public bool Remove(T connection)
    {
        lock (_lock)
        {
            var index = _idle.FindIndex(entry => ReferenceEquals(entry.Connection, connection));
            if (index < 0)
                return false;
            _idle.RemoveAt(index);
        }

        connection.Dispose();
        return true;
    }

    /// <summary>Closes what idles here, and from now on what comes back.</summary>
    public void Dispose()
    {
        List<T> idle;
        lock (_lock)
        {
            _closed = true;
            idle = [.. _idle.Select(entry => entry.Connection)];
            _idle.Clear();
        }

        idle.ForEach(connection => connection.Dispose());
    }
}
