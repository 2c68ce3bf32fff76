using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class ListenerRulesTests
{
    [Theory]
    [InlineData("0.0.0.0:9180", "0.0.0.0:9180")]
    [InlineData("127.0.0.1:9180", "0.0.0.0:9180")]
    [InlineData("0.0.0.0:9180", "127.0.0.1:9180")]
    [InlineData("[::]:9180", "127.0.0.1:9180")]
    [InlineData("[::1]:9180", "[::]:9180")]
    [InlineData("localhost:9180", "127.0.0.1:9180")]
    [InlineData("localhost:9180", "[::1]:9180")]
    [InlineData("[::ffff:127.0.0.1]:9180", "127.0.0.1:9180")]
    [InlineData("host.example:9180", "10.0.0.1:9180")]
    public void Two_listeners_on_one_address_are_an_error(string listen, string admin)
    {
        var error = Given.Option("listen", listen).AndOption("admin", admin).AndName("host.example", "10.0.0.1").Error();
        Assert.Equal(("listen", "two listeners (--listen and --admin) on one address"), (error.Key, error.Problem));
    }

    [Theory]
    [InlineData("127.0.0.1:9180", "127.0.0.2:9180")]
    [InlineData("0.0.0.0:9180", "[::1]:9180")]
    [InlineData("127.0.0.1:9180", "127.0.0.1:9181")]
    [InlineData("0.0.0.0:0", "0.0.0.0:0")]
    public void Listeners_side_by_side_are_fine(string listen, string admin) =>
        Assert.Empty(Given.Option("listen", listen).AndOption("admin", admin).Bind().Errors);

    [Fact]
    public void Each_pair_of_maps_is_compared()
    {
        var errors = Given.Option("map", "8081=http://127.0.0.1:3001", "127.0.0.1:8081=http://127.0.0.1:3002", "9180=http://127.0.0.1:3003").Bind().Errors;
        Assert.Equal(2, errors.Count);
        Assert.All(errors, e => Assert.Equal("map", e.Key));
    }

    [Fact]
    public void A_host_that_does_not_resolve_is_an_error()
    {
        var error = Given.Option("listen", "no-such-host.invalid:8080").Error();
        Assert.Equal("listen", error.Key);
        Assert.Contains("does not resolve", error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080")]
    [InlineData("http://localhost:8080")]
    [InlineData("h2c://127.0.0.1:9180")]
    public void The_app_is_not_a_listener_of_our_own(string app)
    {
        var error = Given.Option("app", app).Error();
        Assert.Equal("app", error.Key);
        Assert.Contains("own listener", error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("metrics:http://127.0.0.1:8080/metrics")]
    [InlineData("auto,metrics:http://localhost:9180/metrics")]
    public void The_apps_metrics_are_not_asked_of_a_listener_of_our_own(string source)
    {
        var error = Given.Option("memory-source", source).Error();
        Assert.Equal("memory-source", error.Key);
        Assert.Contains("own listener", error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("listen", "8080")]
    [InlineData("app", "http://127.0.0.1:3000")]
    public void Map_stands_instead_of_listen_and_app(string name, string value)
    {
        var error = Given.Option("map", "8081=http://127.0.0.1:3001").AndOption(name, value).Error();
        Assert.Equal(name, error.Key);
    }

    [Fact]
    public void Map_brings_all_its_ports()
    {
        var ports = Given.Option("map", "8081=http://127.0.0.1:3001", "127.0.0.1:8082=h2c://127.0.0.1:3002").Settings().Ports;
        Assert.Equal(
            [new(new("0.0.0.0", 8081), new(AppScheme.Http, "127.0.0.1", 3001)), new(new("127.0.0.1", 8082), new(AppScheme.H2c, "127.0.0.1", 3002))],
            ports);
    }
}
