using DrainProxy.Decisions.Cluster;

namespace DrainProxy.Decisions.Tests.Cluster;

public sealed class LeaseRuleTests
{
    private static readonly TimeSpan Holds = TimeSpan.FromSeconds(15);

    [Theory]
    [InlineData("me", 0, LeaseStep.Renew)]
    [InlineData("me", 100, LeaseStep.Renew)]
    [InlineData("", 0, LeaseStep.Take)]
    [InlineData(null, 0, LeaseStep.Take)]
    [InlineData("other", 0, LeaseStep.Wait)]
    [InlineData("other", 14.9, LeaseStep.Wait)]
    [InlineData("other", 15, LeaseStep.Take)]
    public void A_lease_is_taken_when_it_is_nobodys_or_has_run_out(string? holder, double unchanged, LeaseStep step) =>
        Assert.Equal(step, LeaseRule.Decide(new(holder, Holds, TimeSpan.FromSeconds(unchanged)), "me"));

    [Fact]
    public void Without_a_lease_one_is_made() => Assert.Equal(LeaseStep.Create, LeaseRule.Decide(null, "me"));

    [Theory]
    [InlineData(null, false)]
    [InlineData(0.0, true)]
    [InlineData(9.9, true)]
    [InlineData(10.0, false)]
    public void Leading_ends_before_another_may_take_over(double? sinceRenewal, bool leads) =>
        Assert.Equal(leads, LeaseRule.Leads(sinceRenewal is { } s ? TimeSpan.FromSeconds(s) : null, Holds));
}
