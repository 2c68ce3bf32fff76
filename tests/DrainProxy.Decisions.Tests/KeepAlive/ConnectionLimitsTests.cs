using DrainProxy.Decisions.KeepAlive;

namespace DrainProxy.Decisions.Tests.KeepAlive;

public class ConnectionLimitsTests
{
    private static readonly ConnectionLimits Limits = new(TimeSpan.FromSeconds(100), 1000, 0.2);

    [Theory]
    [InlineData(0, 100, 1000)]
    [InlineData(0.5, 90, 900)]
    [InlineData(1, 80, 800)]
    [InlineData(-1, 100, 1000)]
    [InlineData(2, 80, 800)]
    public void Jitter_only_shortens(double random, int age, int requests) =>
        Assert.Equal(new ConnectionQuota(TimeSpan.FromSeconds(age), requests), Limits.Draw(random));

    [Fact]
    public void Connections_opened_together_do_not_end_together()
    {
        var ages = Enumerable.Range(0, 100).Select(i => Limits.Draw(i / 100.0).Age).ToList();
        Assert.Equal(100, ages.Distinct().Count());
        Assert.True(ages.Max() - ages.Min() > TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void Even_the_smallest_limit_lets_one_request_through() => Assert.Equal(1, new ConnectionLimits(TimeSpan.FromHours(1), 1, 1).Draw(1).Requests);

    [Fact]
    public void Quota_is_exceeded_by_age_or_by_requests()
    {
        var quota = new ConnectionQuota(TimeSpan.FromSeconds(10), 5);
        Assert.False(quota.Exceeded(TimeSpan.FromSeconds(10) - TimeSpan.FromTicks(1), 4));
        Assert.True(quota.Exceeded(TimeSpan.FromSeconds(10), 0));
        Assert.True(quota.Exceeded(TimeSpan.Zero, 5));
    }

    [Fact]
    public void Defaults_outlast_a_drain_and_never_end_a_busy_pool_every_few_seconds()
    {
        var shortest = new ConnectionLimits().Draw(1);
        Assert.True(shortest.Age > TimeSpan.FromMinutes(30));
        Assert.True(shortest.Requests / 1000 > 60, "at 1,000 requests a second a connection lives longer than a minute");
    }
}
