using DrainProxy.Decisions.Pressure;

namespace DrainProxy.Decisions.Tests.Pressure;

public sealed class OwnMemoryTrimTests
{
    private const double Base = 30;
    private readonly OwnMemoryTrim trim = new();
    private TimeSpan at = TimeSpan.FromMinutes(5);
    private TimeSpan requestAt;
    private double used = Base;
    private double live = Base;
    private long ended;

    public OwnMemoryTrimTests() => HandBack();

    [Fact]
    public void What_a_load_has_left_is_given_back_once_it_is_quiet_and_not_before()
    {
        Load(120);
        Assert.Equal(0, Idle(OwnMemoryTrim.QuietFor.TotalSeconds - 1));
        Assert.Equal(1, Idle(600));
        Assert.Equal(Base, used);
    }

    [Fact]
    public void What_is_in_use_is_tried_for_again_only_when_something_has_ended()
    {
        Load(120, stays: 120);
        Assert.Equal(1, Idle(600));
        live = Base;
        Assert.Equal(0, Idle(600));
        ended++;
        Assert.Equal(1, Idle(600));
        Assert.Equal(Base, used);
    }

    [Fact]
    public void A_load_that_came_before_the_first_reading_is_no_need()
    {
        var other = new OwnMemoryTrim();
        Assert.True(other.Observe(at, 120 << 20, TimeSpan.FromSeconds(5), 7));
    }

    [Fact]
    public void What_was_given_back_for_another_reason_counts_as_well()
    {
        Load(120);
        HandBack();
        Load(120);
        Assert.Equal(0, Idle(OwnMemoryTrim.Every.TotalSeconds - 2));
        Assert.Equal(1, Idle(5));
    }

    [Fact]
    public void Little_garbage_is_left_alone()
    {
        Load(43);
        Assert.Equal(0, Idle(3600));
        Load(45);
        Assert.Equal(1, Idle(3600));
    }

    [Fact]
    public void Two_are_far_apart_however_loads_and_quiet_moments_follow_each_other()
    {
        var times = 0;
        for (var began = at; at - began < TimeSpan.FromMinutes(10);)
        {
            Load(120);
            times += Idle(4);
        }

        Assert.InRange(times, 10, (int)(TimeSpan.FromMinutes(10) / OwnMemoryTrim.Every));
    }

    [Fact]
    public void Where_nobody_tells_what_is_used_nothing_is_done()
    {
        Load(0);
        Assert.Equal(0, Idle(600));
    }

    /// <summary>Requests that use so many MiB, most of which is garbage when they have ended.</summary>
    private void Load(double mebibytes, double stays = Base)
    {
        (used, live, requestAt) = (mebibytes, stays, at);
        ended += 100;
    }

    /// <summary>Looks once a second.</summary>
    /// <returns>How often memory was given back.</returns>
    private int Idle(double seconds)
    {
        var times = 0;
        for (var i = 0; i < seconds; i++)
        {
            at += TimeSpan.FromSeconds(1);
            if (!trim.Observe(at, Bytes(used), at - requestAt, ended)) continue;
            HandBack();
            times++;
        }

        return times;
    }

    private void HandBack() => trim.HandedBack(at, Bytes(used = live), ended);

    private static long Bytes(double mebibytes) => (long)(mebibytes * (1 << 20));
}
