using DrainProxy.Proxy.Pressure;

namespace DrainProxy.Proxy.Tests.Pressure;

public sealed class ThreadClockTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Never = Timeout.InfiniteTimeSpan;
    private readonly ThreadClock clock = new(TimeProvider.System, "test");

    [Fact]
    public void It_fires_once_each_time_it_is_set_and_always_on_its_own_thread()
    {
        using var fired = new BlockingFires();
        using var timer = clock.CreateTimer(fired.Add, null, TimeSpan.Zero, Never);
        var first = fired.Next();
        Assert.Equal("test", first.Name);
        Assert.True(timer.Change(TimeSpan.FromMilliseconds(2), Never));
        Assert.Same(first, fired.Next());
        Assert.Equal(2, fired.Count);
    }

    [Fact]
    public void Set_to_earlier_from_another_thread_it_does_not_wait_on()
    {
        using var fired = new BlockingFires();
        using var timer = clock.CreateTimer(fired.Add, null, TimeSpan.FromDays(2), Never);
        timer.Change(TimeSpan.FromHours(1), Never);
        timer.Change(TimeSpan.Zero, Never);
        fired.Next();
    }

    [Fact]
    public void Set_from_its_own_callback_it_goes_on()
    {
        ITimer? timer = null;
        var count = 0;
        using var done = new ManualResetEventSlim();
        using (timer = clock.CreateTimer(_ => Again(), null, Never, Never))
        {
            timer.Change(TimeSpan.Zero, Never);
            Assert.True(done.Wait(Limit, TestContext.Current.CancellationToken));
        }

        void Again()
        {
            if (++count == 5) done.Set();
            else timer!.Change(TimeSpan.FromMilliseconds(1), Never);
        }
    }

    [Fact]
    public void Disposed_of_it_fires_no_more_and_its_thread_ends()
    {
        using var fired = new BlockingFires();
        var timer = clock.CreateTimer(fired.Add, null, TimeSpan.Zero, Never);
        var thread = fired.Next();
        timer.Dispose();
        timer.Dispose();
        Assert.False(timer.Change(TimeSpan.Zero, Never));
        Assert.True(thread.Join(Limit));
        Assert.Equal(1, fired.Count);
    }

    [Fact]
    public void It_knows_no_periods() =>
        Assert.Throws<NotSupportedException>(() => clock.CreateTimer(_ => { }, null, TimeSpan.FromDays(1), TimeSpan.FromSeconds(1)));

    /// <summary>Who called back, one after the other.</summary>
    private sealed class BlockingFires : IDisposable
    {
        private readonly SemaphoreSlim signal = new(0);
        private readonly List<Thread> fires = [];

        public int Count
        {
            get
            {
                lock (fires) return fires.Count;
            }
        }

        public void Add(object? state)
        {
            lock (fires) fires.Add(Thread.CurrentThread);
            signal.Release();
        }

        public Thread Next()
        {
            Assert.True(signal.Wait(Limit, TestContext.Current.CancellationToken));
            lock (fires) return fires[^1];
        }

        public void Dispose() => signal.Dispose();
    }
}
