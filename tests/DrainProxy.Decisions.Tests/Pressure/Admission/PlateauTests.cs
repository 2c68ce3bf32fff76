using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Decisions.Tests.Pressure.Admission;

public sealed class PlateauTests
{
    private const double Cost = 100e6;
    private const double Limit = 1000e6;
    private readonly Plateau plateau = new();
    private TimeSpan now = TimeSpan.FromMinutes(1);

    [Fact]
    public void One_more_is_tried_after_each_window_that_leaves_room()
    {
        Idle(50e6);
        Run(1, 150e6);
        Assert.Equal(2, plateau.Fits);
        Run(2, 250e6);
        Assert.Equal(3, plateau.Fits);
    }

    [Fact]
    public void Garbage_grows_with_what_runs_so_one_more_needs_room_for_its_own()
    {
        // Two of 100 MB hold 500: one more may add 250 instead of 100, and there is no room for that below 900.
        Idle(50e6);
        Run(1, 300e6);
        Assert.Equal(2, plateau.Fits);
        Run(2, 680e6);
        Assert.Equal(2, plateau.Fits);
    }

    [Fact]
    public void Room_is_left_for_one_that_runs_alone()
    {
        Idle(50e6);
        Run(1, 150e6, cost: 200e6);
        Assert.Equal(Limit - 200e6, plateau.CeilingBytes);
        // Half of the reserve at least, where requests are small.
        Run(1, 150e6, cost: 20e6);
        Assert.Equal(Limit * 0.95, plateau.CeilingBytes);
    }

    [Fact]
    public void What_stands_above_the_ceiling_is_one_less()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        Run(3, 350e6);
        Run(4, 910e6, 500e6);
        Assert.Equal(3, plateau.Fits);
    }

    [Fact]
    public void Near_the_ceiling_a_level_that_brings_new_highs_is_not_left_upwards()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        foreach (var highest in (double[])[540e6, 570e6, 600e6])
        {
            Run(3, highest);
            Assert.Equal(3, plateau.Fits);
        }

        Run(3, 600e6);
        Assert.Equal(3, plateau.Fits);
        Run(3, 600e6);
        Assert.Equal(4, plateau.Fits);
    }

    [Fact]
    public void Beside_others_garbage_that_stays_needs_room_for_one_more()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 640e6);
        // 640 and twice 100 for one more, and 75 that a collection leaves when it comes late: above 900. Without garbage that stays it fits.
        for (var i = 0; i < 5; i++) Run(2, 640e6, kept: 1);
        Assert.Equal(2, plateau.Fits);
        Run(2, 640e6);
        Assert.Equal(3, plateau.Fits);
    }

    [Fact]
    public void A_step_that_brought_more_than_its_share_is_expected_again()
    {
        // Puma with two workers: the third export is the second in one worker, the fourth uses what is there, the fifth and sixth may bring as much again.
        Idle(50e6);
        Run(1, 150e6);
        foreach (var (running, highest) in ((int, double)[])[(2, 250e6), (3, 500e6), (4, 520e6)])
        {
            for (var i = 0; i < 3; i++) Run(running, highest);
        }

        Assert.Equal(5, plateau.Fits);
        for (var i = 0; i < 5; i++) Run(5, 680e6);
        // By bytes for each byte 126 more; a step of 250 was seen.
        Assert.Equal(5, plateau.Fits);
    }

    [Fact]
    public void A_step_near_the_ceiling_that_brings_more_than_was_forecast_is_taken_back_before_it_gets_there()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        for (var i = 0; i < 3; i++) Run(3, 550e6);
        Assert.Equal(4, plateau.Fits);
        Observe(4, 600e6, Cost, Limit);
        Assert.Equal(4, plateau.Fits);
        Observe(4, 899e6, Cost, Limit);
        Assert.Equal(3, plateau.Fits);
    }

    [Fact]
    public void A_new_high_above_the_ceiling_is_acted_on_at_once()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        Assert.Equal(3, plateau.Fits);
        Observe(3, 300e6, Cost, Limit);
        Observe(3, 910e6, Cost, Limit);
        Assert.Equal(2, plateau.Fits);
        // Once: what it has left takes its time to go.
        Observe(2, 930e6, Cost, Limit);
        Assert.Equal(2, plateau.Fits);
    }

    [Fact]
    public void What_was_killed_is_not_tried_again_for_long()
    {
        Idle(50e6);
        for (var n = 1; n < 4; n++) Run(n, 50e6 + (n * Cost));
        Assert.Equal(4, plateau.Fits);
        plateau.Killed(now);
        Assert.Equal(2, plateau.Fits);
        for (var i = 0; i < 60; i++) Run(plateau.Fits, 50e6 + (plateau.Fits * Cost));
        Assert.Equal(3, plateau.Fits);
        plateau.Replaced();
        for (var i = 0; i < 30; i++) Run(plateau.Fits, 50e6 + (plateau.Fits * Cost));
        Assert.Equal(3, plateau.Fits);
        for (var i = 0; i < 600; i++) Run(plateau.Fits, 50e6 + (plateau.Fits * Cost));
        Assert.True(plateau.Fits >= 4, $"{plateau.Fits}");
    }

    [Fact]
    public void What_fitted_a_higher_limit_is_given_up_with_it()
    {
        Idle(50e6);
        for (var n = 3; n < 18; n++) Run(n / 3, 50e6 + (n / 3 * 1.5 * Cost));
        Assert.Equal(5, plateau.Fits);
        Observe(5, 600e6, Cost, 700e6);
        // (595 - 50) / 150 for each of 100 MB.
        Assert.Equal(3, plateau.Fits);
    }

    [Fact]
    public void A_higher_limit_is_tried_at_once()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        Run(3, 940e6, 500e6);
        Assert.Equal(2, plateau.Fits);
        for (var i = 0; i < 3; i++) Run(2, 250e6, limit: 2 * Limit);
        Assert.True(plateau.Fits > 2, $"{plateau.Fits}");
    }

    [Fact]
    public void Heap_that_stands_still_is_no_reason_to_give_up_what_runs_in_it()
    {
        Idle(50e6);
        Run(1, 150e6);
        Run(2, 250e6);
        // Growing there costs one place; standing there none.
        for (var i = 0; i < 20; i++) Run(3, 930e6);
        Assert.Equal(2, plateau.Fits);
    }

    private void Idle(double used) => plateau.Observe(now, used, 0, 0, Limit * 0.9, Limit);

    /// <summary>A window in which so many run all the time.</summary>
    private void Run(int running, double highest, double? lowest = null, double cost = Cost, double limit = Limit, double kept = 0)
    {
        for (var i = 0; i < 150; i++)
        {
            Observe(running, i % 2 == 0 ? highest : lowest ?? highest, cost, limit, kept);
            if (i % 5 == 0) plateau.Ended();
        }
    }

    private void Observe(int running, double used, double cost, double limit, double kept = 0)
    {
        now += TimeSpan.FromMilliseconds(10);
        plateau.Observe(now, used, running * cost, cost, limit * 0.9, limit, kept);
    }
}
