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
    public void Not_allowed_is_never()
    {
        Assert.Equal(RecycleVerdict.No, new RecycleRule(0, 0).Decide(Leaking(TimeSpan.FromHours(1), 999e6)));
    }

    [Fact]
    public void Due_above_the_threshold_in_a_quiet_moment_or_when_time_runs_out()
    {
        var rule = new RecycleRule(0.75, 0);
        var now = TimeSpan.FromMinutes(5);
        Assert.Equal(RecycleVerdict.No, rule.Decide(Leaking(now, 740e6)));
        Assert.Equal(RecycleVerdict.No, rule.Decide(Leaking(now, 760e6) with { Climbs = false }));
        Assert.Equal(RecycleVerdict.WaitForQuiet, rule.Decide(Leaking(now, 760e6) with { InFlight = 3 }));
        Assert.Equal(RecycleVerdict.Now, rule.Decide(Leaking(now, 760e6)));
        Assert.Equal(RecycleVerdict.Now, rule.Decide(Leaking(now, 880e6) with { InFlight = 3 }));
        Assert.Equal(RecycleVerdict.Now, rule.Decide(Leaking(now + RecycleRule.Patience * 1.1, 760e6) with { InFlight = 3 }));
    }

    [Fact]
    public void Spaced_and_rarer_when_it_does_not_help()
    {
        var rule = new RecycleRule(0.75, 0);
        var now = TimeSpan.FromMinutes(5);
        var times = new List<TimeSpan>();
        for (var i = 0; i < 10_000; i++)
        {
            now += Step;
            if (rule.Decide(Leaking(now, 900e6)) != RecycleVerdict.Now) continue;
            rule.Recycled(now);
            times.Add(now);
        }

        Assert.True(times.Count >= 4);
        var gaps = times.Zip(times.Skip(1), (a, b) => b - a).ToList();
        Assert.True(gaps[0] >= RecycleRule.Spacing);
        for (var i = 1; i < gaps.Count; i++) Assert.True(gaps[i] >= gaps[i - 1] * 1.9);
    }

    [Fact]
    public void Luck_keeps_pods_apart_and_never_goes_beyond_what_was_set()
    {
        var thresholds = Enumerable.Range(0, 11).Select(i => new RecycleRule(0.75, i / 10.0).Threshold(Limit)).ToList();
        Assert.Equal(750e6, thresholds.Max());
        Assert.InRange(thresholds.Min(), 690e6, 710e6);
        Assert.Equal(11, thresholds.Distinct().Count());
    }

    private static RecycleInput Leaking(TimeSpan now, double bytes) => new(now, bytes, bytes, Limit, true, 0);
}
