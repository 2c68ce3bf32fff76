namespace DrainProxy.Proxy.Tests.Settings;

public sealed class BudgetRulesTests
{
    [Theory]
    [InlineData("linger", "30s")]
    [InlineData("linger", "31s")]
    [InlineData("app-stop", "30s")]
    [InlineData("announce-delay", "30s")]
    [InlineData("quiet", "30s")]
    [InlineData("drain-timeout", "31s")]
    public void A_part_that_does_not_fit_into_grace_is_an_error(string name, string value)
    {
        var error = Given.Option(name, value).Error();
        Assert.Equal((name, value), (error.Key, error.Value));
        Assert.Contains("30s", error.Range, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linger", "29s")]
    [InlineData("app-stop", "29s")]
    [InlineData("drain-timeout", "30s")]
    public void A_part_that_fits_is_taken(string name, string value) => Assert.NotNull(Given.Option(name, value).Settings());

    [Fact]
    public void Linger_and_app_stop_leave_something_to_drain_in()
    {
        Assert.Equal("linger", Given.Option("linger", "20s").AndOption("app-stop", "10s").Error().Key);
        Assert.NotNull(Given.Option("linger", "20s").AndOption("app-stop", "9s").Settings());
    }

    [Fact]
    public void A_short_grace_is_the_planners_to_share_out() => Assert.Equal(TimeSpan.FromSeconds(2), Given.Option("grace", "2s").Settings().Grace);
}
