using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Decisions.Tests.Pressure.Simulation;

/// <summary>The controller against apps of every kind, with 40 clients that ask for exports without a pause beside 40 light requests a second.</summary>
public sealed class SimulationTests
{
    private const long Limit = 1500L << 20;
    private const double Seconds = 30;

    // The numbers are the best static limits without a kill, found by trying each.
    [Theory]
    [InlineData((int)Runtime.Returned, 40, 29)]
    [InlineData((int)Runtime.Returned, 120, 11)]
    [InlineData((int)Runtime.Returned, 200, 7)]
    [InlineData((int)Runtime.Returned, 300, 4)]
    [InlineData((int)Runtime.Kept, 40, 29)]
    [InlineData((int)Runtime.Kept, 120, 11)]
    [InlineData((int)Runtime.Kept, 200, 5)]
    [InlineData((int)Runtime.Kept, 300, 3)]
    public void No_kill_and_not_far_below_the_best_static_limit_which_nobody_knows_beforehand(int runtime, int megabytes, int best)
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var known = Traffic(seed, (Runtime)runtime, megabytes, best).Run(Seconds);
            var learned = Traffic(seed, (Runtime)runtime, megabytes).Run(Seconds);
            Assert.True(learned.Kills == 0, $"seed {seed}: {learned}");
            // The ramp from one on is part of it: five of each place before one more, and the largest take a second each.
            Assert.True(learned.Exports >= known.Exports * 0.5, $"seed {seed}: {learned}, known {known.Exports}");
            AssertLightUntouched(learned);
        }
    }

    [Fact]
    public void Garbage_of_unknown_size_is_learned_where_reservation_alone_would_be_killed()
    {
        // Nobody between clients and app: the scenario is deadly.
        Assert.True(Traffic(0, Runtime.Collected, 120, 40).Run(Seconds).Kills > 10);
        var (kills, exports) = (0, 0);
        for (var seed = 0; seed < 6; seed++)
        {
            var learned = Traffic(seed, Runtime.Collected, 120).Run(Seconds);
            kills += learned.Kills;
            exports += learned.Exports;
            AssertLightUntouched(learned);
        }

        // This app may be killed with one request alone; 3 at once is the best that a static limit can do, with about 188 exports.
        Assert.InRange(kills, 0, 1);
        Assert.True(exports > 6 * 188 * 0.7, $"{exports} exports");
    }

    [Fact]
    public void Two_heavy_routes_of_different_cost_share_the_memory()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var result = new SimulatedTraffic(new(seed, Runtime.Returned, Limit), new(), [new("/small", 20, 60e6), new("/large", 20, 250e6)]).Run(Seconds);
            // Both are unknown at first, and both are large.
            Assert.True(result.Kills <= 1 && result.KillsAfterLearning == 0, $"seed {seed}: {result}");
            AssertLightUntouched(result);
        }
    }

    [Fact]
    public void A_limit_that_falls_while_running_is_kept()
    {
        for (var seed = 0; seed < 5; seed++)
        {
            var app = new SimulatedApp(seed, Runtime.Returned, Limit);
            var traffic = new SimulatedTraffic(app, new(), [new("/export", 40, 120e6)])
            {
                // From 1.57 to 0.9 GB in ten seconds.
                Before = now => app.Limit = (long)Math.Clamp(Limit - ((now - TimeSpan.FromSeconds(75)).TotalSeconds * 67e6), 900e6, Limit),
            };
            var result = traffic.Run(Seconds);
            Assert.True(result.Kills == 0, $"seed {seed}: {result}");
        }
    }

    [Fact]
    public void Without_a_limit_nothing_is_kept_back()
    {
        var result = new SimulatedTraffic(new(1, Runtime.Returned, long.MaxValue), new(), [new("/export", 40, 120e6)]).Run(5);
        Assert.Equal(40, result.MostAtOnce);
        Assert.Equal(0, result.LightWaited);
    }

    [Fact]
    public void Light_traffic_alone_is_never_kept_back_however_full_the_app_is()
    {
        var app = new SimulatedApp(1, Runtime.Returned, Limit) { Leak = Limit * 0.93 };
        var result = new SimulatedTraffic(app, new(), [], lightRate: 500).Run(10);
        Assert.True(result.LightServed == 5000, result.ToString());
        Assert.Equal(0, result.Refused);
        Assert.InRange(result.LightWaited, 0, 50);
    }

    /// <summary>All are served; only the first few, while nothing is known of them, may have waited a moment.</summary>
    private static void AssertLightUntouched(Outcome result)
    {
        Assert.InRange(result.LightWaited, 0, 100);
        Assert.InRange(result.LongestLightWait, 0, 1.2);
    }

    private static SimulatedTraffic Traffic(int seed, Runtime runtime, int megabytes, int? fixedLimit = null) =>
        new(new(seed, runtime, Limit), new(), [new("/export", 40, megabytes * 1e6)]) { Static = fixedLimit };
}
