using DrainProxy.Decisions.KeepAlive;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Decisions.Tests.KeepAlive;

public class UpstreamIdleTests
{
    [Theory]
    [InlineData(2, 0.79)]
    [InlineData(5, 2.5)]
    [InlineData(20, 10)]
    [InlineData(75, 37.5)]
    [InlineData(120, 60)]
    [InlineData(130, 60)]
    [InlineData(100_000, 60)]
    public void Pool_is_the_impatient_side(double appIdle, double timeout) =>
        Assert.Equal(timeout, UpstreamIdle.PoolTimeout(TimeSpan.FromSeconds(appIdle)).TotalSeconds, 6);

    [Theory]
    [InlineData(-3)]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(1)]
    [InlineData(1.1)]
    public void Nothing_is_pooled_when_no_timeout_is_safe(double appIdle) =>
        Assert.Equal(TimeSpan.Zero, UpstreamIdle.PoolTimeout(TimeSpan.FromSeconds(appIdle)));

    [Fact]
    public void App_that_never_closes_gets_the_longest() => Assert.Equal(UpstreamIdle.Longest, UpstreamIdle.PoolTimeout(Timeout.InfiniteTimeSpan));

    [Fact]
    public void Reuse_with_the_scavengers_lag_stays_inside_the_apps_timeout() =>
        Prop.ForAll(Gen.Choose(0, 400_000).Select(ms => TimeSpan.FromMilliseconds(ms)).ToArbitrary(), appIdle =>
        {
            var timeout = UpstreamIdle.PoolTimeout(appIdle);
            if (timeout == TimeSpan.Zero) return appIdle < TimeSpan.FromSeconds(1.2);
            var lag = timeout / 4 > TimeSpan.FromSeconds(1) ? timeout / 4 : TimeSpan.FromSeconds(1);
            return timeout > TimeSpan.Zero
                && timeout + lag < appIdle * 0.9
                && timeout <= appIdle / 2
                && timeout <= appIdle - TimeSpan.FromSeconds(1)
                && timeout <= TimeSpan.FromSeconds(60);
        }).Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(5_000));

    [Fact]
    public void Learning_begins_with_what_suits_an_app_of_two_seconds()
    {
        var start = UpstreamIdle.PoolTimeout(TimeSpan.FromSeconds(2));
        Assert.Equal(start, UpstreamIdle.WhileLearning(TimeSpan.Zero));
        Assert.Equal(start, UpstreamIdle.WhileLearning(TimeSpan.FromSeconds(4.9)));
        Assert.Equal(UpstreamIdle.PoolTimeout(TimeSpan.FromSeconds(5)), UpstreamIdle.WhileLearning(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void Learning_moves_up_in_few_steps_and_never_beyond_what_was_proven()
    {
        var values = new List<TimeSpan>();
        for (var proven = TimeSpan.FromSeconds(2); proven < TimeSpan.FromMinutes(10); proven += TimeSpan.FromMilliseconds(100))
        {
            var timeout = UpstreamIdle.WhileLearning(proven);
            Assert.True(timeout <= UpstreamIdle.PoolTimeout(proven));
            if (values.Count == 0 || values[^1] != timeout) values.Add(timeout);
        }

        Assert.Equal(values.Order(), values);
        Assert.InRange(values.Count, 2, 7);
    }

    [Theory]
    [InlineData("timeout=5", 5)]
    [InlineData("timeout=5, max=100", 5)]
    [InlineData("max=100,timeout=20", 20)]
    [InlineData("TimeOut=5", 5)]
    [InlineData(" timeout = 5 ", 5)]
    [InlineData("timeout=\"15\", max=3", 15)]
    [InlineData("timeout=0", 0)]
    [InlineData("timeout=30, timeout=5", 5)]
    [InlineData("timeout=5, timeout=30", 5)]
    [InlineData("timeout=2147483647", int.MaxValue)]
    public void Announced_timeout_is_read(string header, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), UpstreamIdle.FromKeepAliveHeader(header));

    [Theory]
    [InlineData("")]
    [InlineData("max=100")]
    [InlineData("timeout")]
    [InlineData("timeout=")]
    [InlineData("timeout=-5")]
    [InlineData("timeout=5s")]
    [InlineData("timeout=1.5")]
    [InlineData("timeout=+5")]
    [InlineData("timeout=5 5")]
    [InlineData("timeout=\"5")]
    [InlineData("timeout=\"")]
    [InlineData("timeout=2147483648")]
    [InlineData("xtimeout=5")]
    [InlineData("timeout=5, timeout=x")]
    public void Header_that_cannot_be_trusted_says_nothing(string header) => Assert.Null(UpstreamIdle.FromKeepAliveHeader(header));

    [Fact]
    public void Any_text_is_survived_and_gives_nothing_negative()
    {
        var pieces = Gen.Elements("timeout", "TIMEOUT", "max", "=", ",", "\"", " ", "\t", ";", "5", "-", "99999999999", "\0", "é", "٣", "0");
        var nearly = pieces.ArrayOf().Select(string.Concat);
        var anything = ArbMap.Default.GeneratorFor<string>().Where(text => text is not null);
        Prop.ForAll(Gen.OneOf(nearly, anything).ToArbitrary(), text => !(UpstreamIdle.FromKeepAliveHeader(text) < TimeSpan.Zero))
            .Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(5_000));
    }

    [Fact]
    public void Written_header_is_read_back()
    {
        var cases =
            from seconds in Gen.Choose(0, 1_000_000)
            from name in Gen.Elements("timeout", "Timeout", "TIMEOUT")
            from quote in Gen.Elements("", "\"")
            from before in Gen.Elements("", "max=100, ", "max=1,", ", ")
            from after in Gen.Elements("", ", max=7", ",", ", foo=\"bar\"")
            select (Seconds: seconds, Text: $"{before}{name}={quote}{seconds}{quote}{after}");
        Prop.ForAll(cases.ToArbitrary(), c => UpstreamIdle.FromKeepAliveHeader(c.Text) == TimeSpan.FromSeconds(c.Seconds))
            .Check(Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(2_000));
    }
}
