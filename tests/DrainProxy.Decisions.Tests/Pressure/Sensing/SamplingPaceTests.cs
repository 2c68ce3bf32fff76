using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class SamplingPaceTests
{
    private static readonly TimeSpan Never = TimeSpan.MaxValue;
    private static readonly PaceInput Watching = new(TimeSpan.Zero, TimeSpan.Zero, 1 << 30, FastestGrowth.OneThread, TimeSpan.FromMicroseconds(20));

    [Fact]
    public void While_a_request_that_may_take_memory_is_there_and_a_while_longer_it_reads_every_10_ms()
    {
        Assert.Equal(SamplingPace.Busy, SamplingPace.Next(Watching));
        Assert.Equal(SamplingPace.Busy, SamplingPace.Next(Watching with { SinceWatched = SamplingPace.Afterglow }));
        Assert.False(SamplingPace.Rests(SamplingPace.Afterglow));
    }

    /// <summary>From where memory stands to the limit there are 16 readings at least, at 2 GB/s or what was seen.</summary>
    [Theory]
    [InlineData(16_000, 2, 100)]
    [InlineData(3200, 2, 100)]
    [InlineData(1280, 2, 40)]
    [InlineData(1280, 4, 20)]
    [InlineData(1280, 16, 10)]
    [InlineData(320, 2, 10)]
    [InlineData(0, 2, 10)]
    public void Light_requests_alone_are_no_reason_to_hurry_while_the_limit_is_far(int headroom, double gigabytesPerSecond, double milliseconds)
    {
        var input = Watching with { SinceWatched = Never, HeadroomBytes = headroom * 1_000_000L, FastestGrowth = gigabytesPerSecond * 1e9 };
        Assert.Equal(milliseconds, SamplingPace.Next(input).TotalMilliseconds);
    }

    [Fact]
    public void Without_a_limit_there_is_no_hurry() => Assert.Equal(SamplingPace.Unbounded, SamplingPace.Next(Watching with { HeadroomBytes = long.MaxValue }));

    [Fact]
    public void Without_work_it_rests_and_reads_seldom()
    {
        Assert.True(SamplingPace.Rests(Never));
        Assert.Equal(SamplingPace.Idle, SamplingPace.Next(Watching with { SinceWork = Never, SinceWatched = Never }));
    }

    [Theory]
    [InlineData(100, 10)]
    [InlineData(400, 20)]
    [InlineData(2000, 100)]
    [InlineData(60_000, 500)]
    public void A_dear_reading_makes_the_sampler_slower_not_the_machine(double microseconds, double milliseconds) =>
        Assert.Equal(milliseconds, SamplingPace.Next(Watching with { Cost = TimeSpan.FromMicroseconds(microseconds) }).TotalMilliseconds);

    [Theory]
    [InlineData(0, 5)]
    [InlineData(25, 5)]
    [InlineData(40, 8)]
    [InlineData(84, 10)]
    [InlineData(200, 10)]
    [InlineData(1000, 50)]
    public void Looks_at_sockets_never_take_more_than_a_fiftieth_of_the_time(double milliseconds, double seconds) =>
        Assert.Equal(seconds, SamplingPace.Sockets(TimeSpan.FromMilliseconds(milliseconds)).TotalSeconds);

    [Theory]
    [InlineData(1000, 1006, 1000, true)]
    [InlineData(1000, 1005, 1000, false)]
    [InlineData(1000, 900, 1000, false)]
    [InlineData(1000, 2000, long.MaxValue, false)]
    public void Growth_counts_against_the_limit(long before, long now, long limit, bool grows) =>
        Assert.Equal(grows, SamplingPace.Grows(Sample(before, limit), Sample(now, limit)));

    [Fact]
    public void A_change_of_source_is_no_growth() =>
        Assert.False(SamplingPace.Grows(Sample(0, 1000) with { Method = MemoryMethod.None }, Sample(900, 1000)));

    [Fact]
    public void Kills_add_up_over_containers_and_start_with_the_first_look()
    {
        var kills = new OomKillCount();
        Assert.Equal(0, kills.Observe("a", 5));
        Assert.Equal(2, kills.Observe("a", 7));
        Assert.Equal(0, kills.Observe("a", 7));
        // The container was replaced, and its new cgroup has counted already.
        Assert.Equal(1, kills.Observe("b", 1));
        // A new folder of the same name.
        Assert.Equal(0, kills.Observe("b", 0));
        Assert.Equal(1, kills.Observe("b", 1));
        Assert.Equal(4, kills.Total);
    }

    private static PressureSample Sample(long used, long limit) => new(TimeSpan.Zero, MemoryMethod.Cgroup, used, limit, 0, 0, 0, 0, int.MaxValue);
}
