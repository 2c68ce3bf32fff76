namespace DrainProxy.Proxy.Tests.Settings;

public sealed class RecycleRulesTests
{
    [Theory]
    [InlineData("hold-timeout", "0")]
    [InlineData("hold-max", "0")]
    [InlineData("memory-source", "none")]
    public void Without_holding_or_without_memory_watching_nothing_can_be_recycled(string name, string value)
    {
        var error = Given.Option("recycle-at", "75%").AndOption(name, value).Error();
        Assert.Equal("recycle-at", error.Key);
        Assert.Contains(name, error.Range, StringComparison.Ordinal);
        Assert.NotNull(Given.Option("recycle-at", "off").AndOption(name, value).Settings());
    }
}
