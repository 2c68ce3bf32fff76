namespace DrainProxy.Decisions.Tests.Pressure.Simulation;

/// <summary>
/// The controller on a machine that others use, too: readings come 50 to 200 ms late now and then and are off by a little, the app fills memory five times more slowly, light requests take a tenth of a second, so that
/// some are in flight at any time and all growth is beside them. Mixes of routes by chance, the same for each seed.
/// </summary>
public sealed class BusyMachineTests
{
    private const long Limit = 1500L << 20;
    private const double Seconds = 30;

    /// <summary>Readings in a row with which a light route may be suspected: four seconds, in which it goes on one at a time.</summary>
    private const int Suspected = 400;

    [Theory]
    [InlineData((int)Runtime.Returned)]
    [InlineData((int)Runtime.Kept)]
    [InlineData((int)Runtime.Collected)]
    public void Light_routes_beside_exports_are_not_blamed_for_longer_than_a_moment(int runtime)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var traffic = Mix(seed, (Runtime)runtime, 1500L << 20);
            var result = traffic.Run(Seconds);
            Assert.True(traffic.LongestBlame <= Suspected, $"seed {seed}: blamed for {traffic.LongestBlame} readings; {result}");
            Assert.True(result.LightServed > 0.9 * 40 * Seconds, $"seed {seed}: {result}");
        }
    }

    [Theory]
    [InlineData((int)Runtime.Returned)]
    [InlineData((int)Runtime.Kept)]
    [InlineData((int)Runtime.Collected)]
    public void Nor_in_a_small_app_where_less_counts_as_heavy(int runtime)
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var traffic = new SimulatedTraffic(App(seed, (Runtime)runtime, 600L << 20, workers: 1), new(), [new("/hold", 10, 100e6, 0.3)]) { Busy = new(seed, 0.3) };
            var result = traffic.Run(Seconds);
            Assert.True(traffic.LongestBlame <= Suspected, $"seed {seed}: blamed for {traffic.LongestBlame} readings; {result}");
        }
    }

    [Theory]
    [InlineData((int)Runtime.Returned, 0)]
    // Up to three heavy routes that were never alone, and heap that is used again: one may be learned by a kill.
    [InlineData((int)Runtime.Kept, 1)]
    public void Routes_by_chance_are_learned_without_kills(int runtime, int most)
    {
        var kills = Enumerable.Range(0, 20).Sum(seed => Mix(seed, (Runtime)runtime, Limit).Run(Seconds).KillsAfterLearning);
        Assert.InRange(kills, 0, most);
    }

    [Theory]
    [InlineData((int)Runtime.Returned, 120)]
    [InlineData((int)Runtime.Returned, 300)]
    [InlineData((int)Runtime.Kept, 120)]
    [InlineData((int)Runtime.Kept, 200)]
    public void Half_of_what_the_best_static_limit_does_gets_through_without_a_kill(int runtime, int megabytes)
    {
        for (var seed = 0; seed < 2; seed++)
        {
            var best = new[] { 2, 4, 6, 8, 11, 14 }.Select(most => One(seed, (Runtime)runtime, megabytes, most).Run(Seconds)).Where(r => r.Kills == 0).Max(r => r.Exports);
            var result = One(seed, (Runtime)runtime, megabytes).Run(Seconds);
            Assert.True(result.Kills == 0 && result.Exports >= best * 0.5, $"seed {seed}: {result}, best {best}");
        }
    }

    private static SimulatedTraffic One(int seed, Runtime runtime, int megabytes, int? most = null) =>
        new(App(seed, runtime, Limit), new(), [new("/export", 40, megabytes * 1e6)]) { Busy = new(seed), Static = most };

    private static SimulatedTraffic Mix(int seed, Runtime runtime, long limit)
    {
        var chance = new Random(seed);
        var heavy = Enumerable.Range(0, 1 + chance.Next(3)).Select(i => new HeavyClients($"/export{(char)('a' + i)}", 5 + chance.Next(30), 40e6 + (chance.NextDouble() * 200e6), 0.1 + (chance.NextDouble() * 0.5)));
        return new(App(seed, runtime, limit), new(), [.. heavy]) { Busy = new(seed, 0.02 + (chance.NextDouble() * 0.2)), LightRoutes = 1 + chance.Next(3) };
    }

    private static SimulatedApp App(int seed, Runtime runtime, long limit, int workers = 2) => new(seed, runtime, limit, workers) { Slower = 5 };
}
