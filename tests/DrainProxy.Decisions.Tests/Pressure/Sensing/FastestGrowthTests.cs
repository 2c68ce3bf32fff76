using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;

namespace DrainProxy.Decisions.Tests.Pressure.Sensing;

public sealed class FastestGrowthTests
{
    private FastestGrowth growth;
    private PressureSample last = At(0, 100);

    [Fact]
    public void One_thread_is_reckoned_with_before_anything_was_seen() => Assert.Equal(FastestGrowth.OneThread, growth.BytesPerSecond);

    [Fact]
    public void What_was_seen_counts_when_it_was_faster_and_fades()
    {
        See(At(10, 150));
        Assert.Equal(5e9, growth.BytesPerSecond, 1e6);
        See(At(20, 120));
        Assert.Equal(5e9, growth.BytesPerSecond, 1e6);
        See(At(20 + (10 * 60_000), 120));
        Assert.Equal(2.5e9, growth.BytesPerSecond, 1e6);
        See(At(20 + (20 * 60_000), 120));
        Assert.Equal(FastestGrowth.OneThread, growth.BytesPerSecond);
    }

    [Fact]
    public void Two_readings_close_together_tell_of_the_kernels_batches()
    {
        See(At(1, 150));
        Assert.Equal(FastestGrowth.OneThread, growth.BytesPerSecond);
    }

    [Fact]
    public void Another_source_is_no_growth()
    {
        See(At(10, 900) with { Method = MemoryMethod.Processes });
        See(At(20, 0) with { Method = MemoryMethod.None });
        See(At(30, 900));
        Assert.Equal(FastestGrowth.OneThread, growth.BytesPerSecond);
    }

    private void See(PressureSample sample)
    {
        growth.Observe(last, sample);
        last = sample;
    }

    private static PressureSample At(double milliseconds, long megabytes) =>
        new(TimeSpan.FromMilliseconds(milliseconds), MemoryMethod.Cgroup, megabytes * 1_000_000, 2_000_000_000, 0, 0, 0, 0, int.MaxValue);
}
