using DrainProxy.Decisions.SlowPeers;

namespace DrainProxy.Decisions.Tests.SlowPeers;

public sealed class BacklogsTests
{
    private const long Allowed = 1000;

    [Fact]
    public void Within_the_bound_nobody_is_ended_however_long_it_takes_nothing() =>
        Assert.Empty(Backlogs.ToEnd([Held(600, 20), Held(400, 1000)], Allowed));

    [Fact]
    public void Who_holds_most_for_longest_goes_first_and_only_as_many_as_it_takes() =>
        Assert.Equal([2, 0], Backlogs.ToEnd([Held(400, 10), Held(500, 1), Held(500, 10)], 600));

    [Fact]
    public void Who_takes_something_stays_even_beyond_the_bound() =>
        Assert.Equal([1], Backlogs.ToEnd([Held(5000, 0), Held(10, 1)], Allowed));

    [Fact]
    public void Taking_a_piece_begins_the_time_anew()
    {
        var watch = new BacklogWatch();
        Assert.Equal(TimeSpan.Zero, watch.Look(100, 0, At(0)).Stalled);
        Assert.Equal(At(5), watch.Look(100, 0, At(5)).Stalled);
        Assert.Equal(TimeSpan.Zero, watch.Look(100, 1, At(6)).Stalled);
        Assert.Equal(new HeldAnswers(200, At(1)), watch.Look(200, 1, At(7)));
    }

    [Fact]
    public void Holding_nothing_ends_the_time()
    {
        var watch = new BacklogWatch();
        watch.Look(100, 0, At(0));
        Assert.Equal(default, watch.Look(0, 0, At(1)));
        Assert.Equal(TimeSpan.Zero, watch.Look(100, 0, At(9)).Stalled);
    }

    [Fact]
    public void A_small_container_allows_a_quarter_of_itself()
    {
        Assert.Equal(16L << 20, Backlogs.Allowed(64L << 20));
        Assert.Equal(64L << 20, Backlogs.Allowed(24L << 30));
    }

    private static HeldAnswers Held(long bytes, int seconds) => new(bytes, At(seconds));

    private static TimeSpan At(int seconds) => TimeSpan.FromSeconds(seconds);
}
