using DrainProxy.Demo.LoadBalancing;

namespace DrainProxy.Process.Tests.Demo;

public sealed class IdlePoolTests
{
    private readonly SteppedTime _time = new();

    [Fact]
    public void Most_recently_used_connection_is_taken_first()
    {
        using var pool = new IdlePool<Connection>(TimeSpan.FromSeconds(60), _time);
        var (first, second) = (new Connection(), new Connection());
        pool.Return(first);
        pool.Return(second);

        Assert.Same(second, pool.Take());
        Assert.Same(first, pool.Take());
        Assert.Null(pool.Take());
    }

    [Fact]
    public void Connection_that_idled_too_long_is_closed_and_not_taken()
    {
        using var pool = new IdlePool<Connection>(TimeSpan.FromSeconds(60), _time);
        var (old, young) = (new Connection(), new Connection());
        pool.Return(old);
        _time.Advance(TimeSpan.FromSeconds(59));
        pool.Return(young);
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Same(young, pool.Take());
        Assert.Null(pool.Take());
        Assert.Equal((1, 0), (old.Closed, young.Closed));
    }

    [Fact]
    public void Connection_that_was_taken_belongs_to_its_taker()
    {
        using var pool = new IdlePool<Connection>(TimeSpan.FromSeconds(60), _time);
        var connection = new Connection();
        pool.Return(connection);
        pool.Take();

        Assert.False(pool.Remove(connection));
        Assert.Equal(0, connection.Closed);
    }

    [Fact]
    public void Connection_that_the_peer_closed_leaves_the_pool()
    {
        using var pool = new IdlePool<Connection>(TimeSpan.FromSeconds(60), _time);
        var connection = new Connection();
        pool.Return(connection);

        Assert.True(pool.Remove(connection));
        Assert.Null(pool.Take());
        Assert.Equal(1, connection.Closed);
    }

    [Fact]
    public void Closed_pool_closes_what_idles_and_what_comes_back()
    {
        var pool = new IdlePool<Connection>(TimeSpan.FromSeconds(60), _time);
        var (idle, busy) = (new Connection(), new Connection());
        pool.Return(idle);
        pool.Dispose();

        Assert.False(pool.Return(busy));
        Assert.Equal((1, 1, 0), (idle.Closed, busy.Closed, pool.Count));
    }

    private sealed class Connection : IDisposable
    {
        public int Closed { get; private set; }

        public void Dispose() => Closed++;
    }

    /// <summary>A clock that moves when told; the odd frequency shows mistakes with units.</summary>
    private sealed class SteppedTime : TimeProvider
    {
        private long _now = 12_345;

        public override long TimestampFrequency => 40_000;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan by) => _now += (long)(by.TotalSeconds * TimestampFrequency);
    }
}
