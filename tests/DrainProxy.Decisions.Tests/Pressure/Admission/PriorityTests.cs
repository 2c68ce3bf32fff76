using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Decisions.Tests.Pressure.Admission;

public sealed class PriorityTests
{
    [Theory]
    [InlineData("/healthz", "/healthz", true)]
    [InlineData("/healthz", "/healthz/x", false)]
    [InlineData("/export*", "/export", true)]
    [InlineData("/export*", "/export/1/a", true)]
    [InlineData("/export*", "/api/export", false)]
    [InlineData("*/export", "/api/v1/export", true)]
    [InlineData("/a*b*c", "/aXbYbZc", true)]
    [InlineData("/a*b*c", "/aXbY", false)]
    [InlineData("*", "", true)]
    public void A_star_stands_for_anything(string pattern, string path, bool fits) => Assert.Equal(fits, PriorityRule.Fits(pattern, path));

    [Theory]
    [InlineData("critical", Priority.Critical)]
    [InlineData(" Sheddable ", Priority.Sheddable)]
    [InlineData("NORMAL", Priority.Normal)]
    [InlineData("high", null)]
    [InlineData("", null)]
    public void A_field_holds_one_of_three_words(string value, Priority? expected) => Assert.Equal(expected, PriorityRule.Word(value));
}
