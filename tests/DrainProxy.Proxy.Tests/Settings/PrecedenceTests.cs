using DrainProxy.Decisions.KeepAlive;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class PrecedenceTests
{
    [Fact]
    public void Command_line_wins_over_environment_over_file_over_default()
    {
        using var given = Given.File("""{ "lb": "alb", "quiet": "1s", "grace": "40s" }""")
            .AndVariable("DRAINPROXY_LB", "nlb").AndVariable("DRAINPROXY_QUIET", "2s")
            .AndOption("lb", "gclb");

        var bound = given.Bind();

        Assert.Equal(LoadBalancer.Gclb, bound.Settings!.Lb);
        Assert.Equal(TimeSpan.FromSeconds(2), bound.Settings.Quiet);
        Assert.Equal(TimeSpan.FromSeconds(40), bound.Settings.Grace);
        Assert.Equal("command line", Origin("lb").Source);
        Assert.Equal("environment DRAINPROXY_QUIET", Origin("quiet").Source);
        Assert.Equal($"file {given.FilePath} line 1", Origin("grace").Source);
        Assert.True(Origin("linger").IsDefault);

        SettingOrigin Origin(string name) => bound.Origins.Single(o => o.Name == name);
    }

    [Fact]
    public void The_last_of_an_option_given_twice_counts() => Assert.Equal(TimeSpan.FromSeconds(50), Given.Option("grace", "40s", "50s").Settings().Grace);

    [Fact]
    public void A_stronger_source_replaces_the_whole_list_of_a_weaker_one()
    {
        using var given = Given.File("""{ "map": ["8081=http://127.0.0.1:3001", "8082=http://127.0.0.1:3002"] }""")
            .AndVariable("DRAINPROXY_MAP", "8083=http://127.0.0.1:3003, 8084=unix:/run/app.sock");

        Assert.Equal([8083, 8084], given.Settings().Ports.Select(p => p.Listen.Port));
    }

    [Fact]
    public void The_file_may_be_named_by_the_environment()
    {
        using var given = Given.File("""{ "grace": "40s" }""");
        var bound = SettingsBinder.Bind(new Dictionary<string, IReadOnlyList<string>>(), new Dictionary<string, string> { ["DRAINPROXY_CONFIG"] = given.FilePath! });
        Assert.Equal(TimeSpan.FromSeconds(40), bound.Settings!.Grace);
    }

    [Fact]
    public void An_unknown_variable_is_a_warning()
    {
        var bound = Given.Variable("DRAINPROXY_PORT_9180_TCP", "tcp://10.0.0.1:9180").Bind();
        Assert.Empty(bound.Errors);
        Assert.Contains("DRAINPROXY_PORT_9180_TCP", Assert.Single(bound.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Dev_listens_on_loopback_unless_told_otherwise()
    {
        var preset = new Given().Bind(dev: true);
        Assert.True(preset.Settings!.Dev);
        Assert.Equal(new ListenAddress("127.0.0.1", 8080), preset.Settings.Ports[0].Listen);
        Assert.Equal(new ListenAddress("127.0.0.1", 9180), preset.Settings.Admin);
        Assert.Equal("127.0.0.1:8080", preset.Origins.Single(o => o.Name == "listen").Values[0]);

        Assert.Equal("127.0.0.1", Given.Option("listen", "3001").Bind(dev: true).Settings!.Ports[0].Listen.Host);
        Assert.Equal("0.0.0.0", Given.Option("listen", "0.0.0.0:3001").Bind(dev: true).Settings!.Ports[0].Listen.Host);
    }
}
