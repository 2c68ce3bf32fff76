using DrainProxy.Decisions.Draining;

namespace DrainProxy.Decisions.Tests.Draining;

public class ClosingSpreadTests
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(2);

    [Fact]
    public void Closes_are_even_from_the_windows_start_to_one_step_before_its_end() => Assert.Equal(
        [0, 500, 1000, 1500],
        Enumerable.Range(0, 4).Select(i => ClosingSpread.Offset(i, 4, Window).TotalMilliseconds));

    [Fact]
    public void Many_closes_are_in_order_and_inside_the_window()
    {
        var offsets = Enumerable.Range(0, 10_000).Select(i => ClosingSpread.Offset(i, 10_000, Window)).ToList();
        Assert.Equal(offsets.Order(), offsets);
        Assert.Equal(10_000, offsets.Distinct().Count());
        Assert.True(offsets[^1] < Window);
    }

    [Theory]
    [InlineData(0, 0, 2)]
    [InlineData(0, 1, 2)]
    [InlineData(5, 1, 2)]
    [InlineData(-1, 4, 2)]
    [InlineData(3, 4, 0)]
    [InlineData(3, 4, -2)]
    public void Odd_input_closes_at_once(int index, int count, int window) =>
        Assert.Equal(TimeSpan.Zero, ClosingSpread.Offset(index, count, TimeSpan.FromSeconds(window)));

    [Fact]
    public void Index_beyond_the_count_is_the_last() => Assert.Equal(ClosingSpread.Offset(3, 4, Window), ClosingSpread.Offset(9, 4, Window));
}
