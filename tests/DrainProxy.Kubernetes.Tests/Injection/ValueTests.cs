using DrainProxy.Kubernetes.Injection;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Kubernetes.Tests.Injection;

public sealed class ValueTests
{
    [Theory]
    [InlineData("0")]
    [InlineData("5s")]
    [InlineData("500ms")]
    [InlineData("1m30s")]
    [InlineData("1.5s")]
    [InlineData("2h")]
    [InlineData("1h1m1s1ms")]
    [InlineData("0.5ms")]
    [InlineData("1.0005s")]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("5s1m")]
    [InlineData("5d")]
    [InlineData("s")]
    [InlineData("1.s")]
    [InlineData("99999999999999h")]
    public void Durations_are_read_as_the_settings_read_them(string text)
    {
        var known = Duration.TryParse(text, out var expected);

        Assert.Equal(known, Durations.TryParse(text, out var time));
        if (known) Assert.Equal(expected, time);
    }

    [Theory]
    [InlineData("50m", 0.05)]
    [InlineData("1", 1)]
    [InlineData("1.5G", 1.5e9)]
    [InlineData("64Mi", 67108864)]
    [InlineData("1e3", 1000)]
    [InlineData("0.5", 0.5)]
    [InlineData("1k", 1000)]
    public void Quantities_are_read(string text, double value) => Assert.Equal((decimal)value, Quantity.TryParse(text));

    [Theory]
    [InlineData("")]
    [InlineData("64MB")]
    [InlineData("-1")]
    [InlineData("many")]
    [InlineData("1 Gi")]
    public void What_is_no_quantity_is_none(string text) => Assert.Null(Quantity.TryParse(text));
}
