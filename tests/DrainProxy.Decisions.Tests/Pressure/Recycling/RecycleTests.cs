using DrainProxy.Decisions.Pressure.Recycling;

namespace DrainProxy.Decisions.Tests.Pressure.Recycling;

public sealed class RecycleTests
{
    private const long Limit = 1_000_000_000;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    [Theory]
    [InlineData(20e6)]
    [InlineData(2e6)]
    [InlineData(0.05e6)]
    public void A_leak_is_seen_at_any_pace(double bytesPerSecond)
    {
        var trend = new LeakTrend();
        var at = TimeSpan.Zero;
        var random = new Random(3);
        for (; at < TimeSpan.FromHours(2) && !trend.Climbs(Limit); at += Step) trend.Observe(at, 100e6 + (at.TotalSeconds * bytesPerSecond) + (random.NextDouble() * 50e6));
        Assert.True(trend.Climbs(Limit));
    }

    [Fact]
    public void A_heap_that_goes_up_and_down_is_no_leak()
    {
        var trend = new LeakTrend();
        var random = new Random(3);
        for (var i = 0; i < 100_000; i++)
        {
            trend.Observe(Step * i, 600e6 + (random.NextDouble() * 300e6));
            Assert.False(trend.Climbs(Limit));
        }
    }

    [Fact]
    public void A_leak_of_seconds_is_seen_before_it_has_filled_an_app()
    {
        var trend = new LeakTrend();
        var at = TimeSpan.Zero;
        // 50 MB a second, one request of 1 MB after the other.
        for (; !trend.Rises(Limit); at += TimeSpan.FromMilliseconds(10)) trend.Observe(at, 50e6 + Math.Floor(at.TotalSeconds * 50) * 1e6);
        Assert.InRange(at.TotalSeconds, 1, 3);
    }

    [Fact]
    public void What_it_held_at_the_start_is_kept_until_another_comes()
    {
        var trend = new LeakTrend();
        for (var i = 0; i < 100; i++) trend.Observe(Step * i, 100e6 + (i * 1e6));
        Assert.Equal(100e6, trend.Start);
        trend.Reset();
        Assert.Null(trend.Start);
        Assert.False(trend.Climbs(Limit) || trend.Rises(Limit));
    }

    [Fact]
    public void A_rise_of_seconds_counts_next_to_the_limit_only()
    {
        Assert.Equal(RecycleVerdict.No, Rule().Decide(Leaking(Step, 800e6) with { Climbs = false, Rises = true }));
        Assert.Equal(RecycleVerdict.Urgent, Rule().Decide(Leaking(Step, 880e6) with { Climbs = false, Rises = true }));
    }

    [Fact]
    public void Not_allowed_is_never()
    {
        Assert.Equal(RecycleVerdict.No, Rule(0).Decide(Leaking(TimeSpan.FromHours(1), 999e6)));
    }

    [Fact]
    public void Due_above_the_threshold_in_a_quiet_moment_or_when_time_runs_out()
    {
        var rule = Rule();
        var now = TimeSpan.FromMinutes(5);
        Assert.Equal(RecycleVerdict.No, rule.Decide(Leaking(now, 740e6)));
        Assert.Equal(RecycleVerdict.No, rule.Decide(Leaking(now, 760e6) with { Climbs = false }));
        Assert.Equal(RecycleVerdict.WaitForQuiet, rule.Decide(Leaking(now, 760e6) with { UnderWay = 3 }));
        // What was due stays so when the traffic, and with it the climb, has ended.
        Assert.Equal(RecycleVerdict.Quiet, rule.Decide(Leaking(now, 760e6) with { Climbs = false }));
        Assert.Equal(RecycleVerdict.Urgent, rule.Decide(Leaking(now, 880e6) with { UnderWay = 3 }));
        Assert.Equal(RecycleVerdict.Overdue, rule.Decide(Leaking(now + RecycleRule.Patience * 1.1, 760e6) with { UnderWay = 3 }));
    }

    [Fact]
    public void Next_to_the_limit_no_climb_has_to_be_seen()
    {
        Assert.Equal(RecycleVerdict.Urgent, Rule().Decide(Leaking(Step, 950e6) with { Climbs = false, UnderWay = 1 }));
        // A single high reading is no standing.
        Assert.Equal(RecycleVerdict.No, Rule().Decide(Leaking(Step, 950e6) with { Climbs = false, UnderWay = 1, LowestBytes = 700e6 }));
    }

    [Theory]
    [InlineData(800e6, 850e6, false)]
    [InlineData(800e6, 910e6, true)]
    [InlineData(940e6, 960e6, false)]
    [InlineData(940e6, 980e6, true)]
    public void Of_use_only_where_a_new_one_holds_less(double start, double now, bool helps)
    {
        Assert.Equal(helps, Rule().Decide(Leaking(Step, now) with { StartBytes = start }) > RecycleVerdict.No);
        Assert.Equal(RecycleVerdict.No, Rule().Decide(Leaking(Step, now) with { StartBytes = null }));
    }

    [Fact]
    public void Requests_under_way_count_until_the_limit_is_next()
    {
        Assert.False(Rule().MayCut(900e6, Limit));
        Assert.True(Rule().MayCut(940e6, Limit));
    }

    [Fact]
    public void Spaced_and_rarer_when_it_does_not_help()
    {
        var rule = Rule();
        var now = TimeSpan.FromMinutes(5);
        var times = new List<TimeSpan>();
        for (var i = 0; i < 200_000; i++)
        {
            now += Step;
            if (rule.Decide(Leaking(now, 800e6)) is not (RecycleVerdict.Quiet and var why)) continue;
            rule.Recycled(now, why);
            times.Add(now);
        }

        Assert.True(times.Count >= 4);
        var gaps = times.Zip(times.Skip(1), (a, b) => b - a).ToList();
        Assert.True(gaps[0] >= RecycleRule.SpacingInPod);
        for (var i = 1; i < gaps.Count; i++) Assert.True(gaps[i] >= gaps[i - 1] * 1.9 || gaps[i] >= RecycleRule.LongestSpacing);
    }

    [Fact]
    public void Urgent_ones_need_no_spacing_but_are_bounded_until_a_kill_shows_the_need()
    {
        var rule = Rule();
        var now = TimeSpan.FromMinutes(5);
        int Urgent()
        {
            var times = 0;
            for (; rule.Decide(Leaking(now, 950e6)) == RecycleVerdict.Urgent; now += TimeSpan.FromSeconds(10), times++) rule.Recycled(now, RecycleVerdict.Urgent);
            return times;
        }

        Assert.Equal(RecycleRule.Budget, Urgent());
        Assert.Equal(RecycleVerdict.TooOften, rule.Decide(Leaking(now, 950e6)));
        rule.Killed(now);
        Assert.Equal(RecycleRule.Budget, Urgent());
        now += RecycleRule.SpacingInPod;
        Assert.Equal(1, Urgent());
    }

    [Fact]
    public void One_that_failed_is_tried_again_after_a_while()
    {
        var rule = Rule();
        rule.Failed(Step);
        Assert.Equal(RecycleVerdict.WaitForSpacing, rule.Decide(Leaking(Step * 2, 950e6)));
        Assert.Equal(RecycleVerdict.Urgent, rule.Decide(Leaking(Step + RecycleRule.Retry, 950e6)));
    }

    [Fact]
    public void Luck_keeps_pods_apart_and_never_goes_beyond_what_was_set()
    {
        var thresholds = Enumerable.Range(0, 11).Select(i => Rule(0.75, i / 10.0).Threshold(Limit)).ToList();
        Assert.Equal(750e6, thresholds.Max());
        Assert.InRange(thresholds.Min(), 690e6, 710e6);
        Assert.Equal(11, thresholds.Distinct().Count());
    }

    private static RecycleRule Rule(double at = 0.75, double luck = 0) => new(at, luck, RecycleRule.SpacingInPod);

    private static RecycleInput Leaking(TimeSpan now, double bytes) => new(now, 100e6, bytes, bytes, Limit, true, false, 0);
}
