using DrainProxy.Decisions.Pressure;

namespace DrainProxy.Decisions.Tests.Pressure;

public sealed class OwnMemoryTests
{
    private const long Limit = 100_000_000;
    private readonly OwnMemoryRule rule = new();
    private TimeSpan at;

    [Theory]
    [InlineData(42, 128, 12, true)]
    [InlineData(55, 64, 12, false)]
    [InlineData(55, 64, 8, true)]
    [InlineData(70, 64, 1, false)]
    public void What_is_in_use_is_moved_together_only_where_there_is_room_for_it_twice(long used, long limit, long heap, bool expected) =>
        Assert.Equal(expected, OwnMemoryRule.MayCompact(used << 20, limit << 20, heap << 20));

    [Fact]
    public void Short_above_a_bound_and_enough_below_a_lower_one()
    {
        Assert.False(Read(79e6).Changed);
        Assert.True(Read(81e6).Changed);
        Assert.True(rule.IsShort);
        Assert.False(Read(73e6).Changed);
        Assert.True(Read(71e6).Changed);
        Assert.False(rule.IsShort);
    }

    [Fact]
    public void Growth_near_the_bound_is_taken_to_go_on()
    {
        Read(65e6);
        Read(70e6, milliseconds: 10);
        Assert.True(rule.IsShort);
    }

    [Fact]
    public void Growth_far_below_it_or_over_a_longer_time_is_none()
    {
        Read(10e6);
        Read(59e6, milliseconds: 10);
        Assert.False(rule.IsShort);
        Read(72e6, milliseconds: 500);
        Assert.False(rule.IsShort);
    }

    [Fact]
    public void Garbage_is_collected_before_anything_is_refused_and_not_all_the_time()
    {
        Assert.False(Read(59e6).Collect);
        Assert.True(Read(62e6).Collect);
        Assert.False(Read(62e6, milliseconds: 5000).Collect);
        Assert.True(Read(62e6, milliseconds: 5001).Collect);
        Assert.True(Read(85e6, milliseconds: 2000).Collect);
        Assert.False(Read(85e6, milliseconds: 1000).Collect);
    }

    [Fact]
    public void The_next_reading_comes_soon_where_there_is_something_to_see()
    {
        Assert.False(Read(10e6).Near);
        Assert.True(Read(10.6e6).Near);
        Assert.False(Read(10.6e6).Near);
        Assert.True(Read(25e6).Near);
    }

    [Fact]
    public void Without_a_limit_nothing_is_short()
    {
        rule.Observe(at, 90_000_000, Limit);
        Assert.True(rule.IsShort);
        Assert.True(rule.Observe(at, 90_000_000, long.MaxValue).Changed);
        Assert.False(rule.IsShort);
    }

    /// <summary>A sidecar of 64 MiB uses 40 under a plain load: that is no shortage. Above, the runtime's own limit (75 %) is not reached.</summary>
    [Theory]
    [InlineData(64, 54)]
    [InlineData(128, 99)]
    [InlineData(256, 188)]
    [InlineData(4096, 2876)]
    public void The_bound_leaves_room_for_the_program_and_for_what_is_under_way(long limitMi, long shortMi) =>
        Assert.Equal(shortMi, OwnMemoryRule.ShortFrom(limitMi << 20) >> 20);

    [Theory]
    [InlineData(64L << 20, 16 << 10, 128 << 10)]
    [InlineData(256L << 20, 64 << 10, 256 << 10)]
    [InlineData(8L << 30, 1 << 20, 1 << 20)]
    [InlineData(long.MaxValue, 1 << 20, 1 << 20)]
    [InlineData(16L << 20, 16 << 10, 128 << 10)]
    public void A_thousand_waiting_bodies_fit_into_a_quarter_of_the_limit(long limit, int read, int window)
    {
        var buffers = OwnBuffers.For(limit);
        Assert.Equal((read, window, window / 2), (buffers.ReadBytes, buffers.ConnectionWindow, buffers.StreamWindow));
        Assert.True(buffers.ReadBytes * 1000L <= limit / 4 || buffers.ReadBytes == 16 << 10);
        Assert.True(buffers.StreamWindow >= 65_535);
    }

    [Theory]
    [InlineData(32, 16, 61)]
    [InlineData(64, 83, 122)]
    [InlineData(128, 347, 163)]
    [InlineData(256, 730, 196)]
    public void Uploads_that_all_stand_still_fit_into_two_thirds_of_the_limit(long limitMi, int uploads, int waiting)
    {
        var buffers = OwnBuffers.For(limitMi << 20);
        Assert.Equal((uploads, waiting), (buffers.Uploads, buffers.WaitingUploads));
        Assert.Equal((int.MaxValue, int.MaxValue), (OwnBuffers.For(long.MaxValue).Uploads, OwnBuffers.For(long.MaxValue).WaitingUploads));
    }

    private OwnMemoryStep Read(double used, double milliseconds = 1000)
    {
        at += TimeSpan.FromMilliseconds(milliseconds);
        return rule.Observe(at, (long)used, Limit);
    }
}
