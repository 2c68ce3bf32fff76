using DrainProxy.Decisions.Supervising;

namespace DrainProxy.Decisions.Tests.Supervising;

public class BackOffTests
{
    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 100)]
    [InlineData(1, 0.5, 150)]
    [InlineData(2, 0, 200)]
    [InlineData(4, 0.5, 1200)]
    [InlineData(9, 0, 15_000)]
    [InlineData(1000, 0.5, 22_500)]
    public void The_step_doubles_up_to_the_longest_and_jitter_takes_up_to_half(int exits, double jitter, double milliseconds) =>
        Assert.Equal(milliseconds, new BackOff(exits).Pause(jitter).TotalMilliseconds);

    [Fact]
    public void Exits_in_a_row_add_up_and_stay_countable()
    {
        var backOff = default(BackOff);
        for (var i = 0; i < 5000; i++)
        {
            backOff = backOff.AfterExit(BackOff.HealthyStretch - TimeSpan.FromTicks(1));
            Assert.InRange(backOff.Pause(0.999), BackOff.First / 2, BackOff.Longest);
        }

        Assert.Equal(1000, backOff.Exits);
    }

    [Fact]
    public void A_healthy_stretch_makes_the_next_exit_the_first() => Assert.Equal(1, new BackOff(7).AfterExit(BackOff.HealthyStretch).Exits);

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1)]
    [InlineData(double.PositiveInfinity)]
    public void Jitter_out_of_range_is_a_mistake_of_the_caller(double jitter)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new BackOff(1).Pause(jitter));
    }
}
