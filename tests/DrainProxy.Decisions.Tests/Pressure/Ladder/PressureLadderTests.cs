using DrainProxy.Decisions.Pressure.Ladder;

namespace DrainProxy.Decisions.Tests.Pressure.Ladder;

public sealed class PressureLadderTests
{
    private const long Limit = 1_000_000_000;
    private const double Top = 900e6;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void Growth_into_the_limit_climbs_every_step_and_calm_takes_each_back()
    {
        var seen = Run(i => 850e6 + (i * 1e6), 140, heavy: false).Steps;
        Assert.Equal([LadderStep.HeavyStopped, LadderStep.SheddableStopped, LadderStep.OnlyCritical], seen);

        var (ladder, _) = Run(i => 850e6 + (i * 1e6), 140, heavy: false);
        Assert.Equal(
            [LadderStep.SheddableStopped, LadderStep.HeavyStopped, LadderStep.None], Go(ref ladder, _ => 500e6, 141, 400, false));
    }

    [Fact]
    public void Standing_high_stops_the_heavy_lane_only()
    {
        Assert.Equal([LadderStep.HeavyStopped], Run(_ => 980e6, 10_000, heavy: false).Steps);
    }

    [Fact]
    public void Growth_beside_heavy_requests_keeps_nobody_else()
    {
        Assert.DoesNotContain(LadderStep.OnlyCritical, Run(i => 850e6 + (i * 1e6), 149, heavy: true).Steps);
    }

    [Fact]
    public void A_swing_above_the_band_is_no_step()
    {
        Assert.Empty(Run(i => i % 20 < 8 ? 950e6 : 700e6, 1000, heavy: true).Steps);
    }

    [Fact]
    public void The_last_step_is_taken_back_when_growth_ends_even_if_nothing_is_freed()
    {
        var (ladder, _) = Run(i => 850e6 + (i * 1e6), 140, heavy: false);
        Assert.Equal(LadderStep.OnlyCritical, ladder.Step);
        Assert.Equal([LadderStep.SheddableStopped, LadderStep.HeavyStopped], Go(ref ladder, _ => 989e6, 141, 1000, false));
    }

    private static (PressureLadder Ladder, List<LadderStep> Steps) Run(Func<int, double> used, int steps, bool heavy)
    {
        var ladder = default(PressureLadder);
        return (ladder, Go(ref ladder, used, 0, steps, heavy)) is var (_, seen) ? (ladder, seen) : default;
    }

    private static List<LadderStep> Go(ref PressureLadder ladder, Func<int, double> used, int from, int steps, bool heavy)
    {
        var seen = new List<LadderStep>();
        var forecast = default(Forecast);
        for (var i = from; i < from + steps; i++)
        {
            forecast.Observe(new(Step * i, Decisions.Pressure.MemoryMethod.Cgroup, (long)used(i), Limit, 0, 0, 0, 0, int.MaxValue));
            if (ladder.Observe(new(Step * i, used(i), Top, Limit, forecast.TimeToOomNow, heavy))) seen.Add(ladder.Step);
        }

        return seen;
    }
}
