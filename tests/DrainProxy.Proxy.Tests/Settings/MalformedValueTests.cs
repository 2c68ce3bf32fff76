namespace DrainProxy.Proxy.Tests.Settings;

public sealed class MalformedValueTests
{
    [Theory]
    [InlineData("listen", "nowhere")]
    [InlineData("app", "127.0.0.1:3000")]
    [InlineData("map", "8081")]
    [InlineData("map", "8081=")]
    [InlineData("map", "=http://127.0.0.1:3000")]
    [InlineData("tls-cert", "\0")]
    [InlineData("admin", "https://0.0.0.0:9180")]
    [InlineData("admin", "70000")]
    [InlineData("lb", "ALB")]
    [InlineData("lb", "elb")]
    [InlineData("lb", "1")]
    [InlineData("idle-timeout", "0")]
    [InlineData("idle-timeout", "999ms")]
    [InlineData("idle-timeout", "25h")]
    [InlineData("app-idle-timeout", "99ms")]
    [InlineData("grace", "0")]
    [InlineData("grace", "-30s")]
    [InlineData("grace", "30")]
    [InlineData("grace", "NaN")]
    [InlineData("grace", "99999999999999999999h")]
    [InlineData("linger", "x")]
    [InlineData("quiet", "61m")]
    [InlineData("drain-timeout", "soon")]
    [InlineData("announce-delay", "-1s")]
    [InlineData("app-stop", "1")]
    [InlineData("readiness-on-drain", "maybe")]
    [InlineData("after-drain", "Exit")]
    [InlineData("health-path", "healthz")]
    [InlineData("health-path", "/health z")]
    [InlineData("health-path", "/healthz?x=1")]
    [InlineData("app-health", "http://127.0.0.1/healthz")]
    [InlineData("hold-timeout", "2h")]
    [InlineData("hold-max", "-1")]
    [InlineData("hold-max", "1.5")]
    [InlineData("hold-max", "1000001")]
    [InlineData("hold-max", "99999999999999999999")]
    [InlineData("memory-source", "cgroup")]
    [InlineData("memory-source", "cgroup:shop")]
    [InlineData("memory-source", "pid:0")]
    [InlineData("memory-source", "pid:x")]
    [InlineData("memory-source", "port:80")]
    [InlineData("memory-source", "Auto")]
    [InlineData("memory-source", "metrics")]
    [InlineData("memory-source", "metrics:")]
    [InlineData("memory-source", "metrics:/metrics")]
    [InlineData("memory-source", "metrics:127.0.0.1:9394/metrics")]
    [InlineData("memory-source", "metrics:ftp://127.0.0.1/metrics")]
    [InlineData("memory-source", "metrics:http://")]
    [InlineData("memory-source", "metrics:http://me:secret@127.0.0.1/metrics")]
    [InlineData("memory-source", "metrics:http://127.0.0.1:99999/metrics")]
    [InlineData("memory-source", "metrics:http://127.0.0.1/a b")]
    [InlineData("memory-source", "auto,port")]
    [InlineData("node-notice", "ec2")]
    [InlineData("node-notice", "AWS")]
    [InlineData("node-notice", "aws=")]
    [InlineData("node-notice", "aws=127.0.0.1:1338")]
    [InlineData("node-notice", "aws=http://127.0.0.1:1338/latest")]
    [InlineData("node-notice", "gcp=ftp://127.0.0.1")]
    [InlineData("node-notice", "http://")]
    [InlineData("node-notice", "http://me:secret@127.0.0.1/")]
    [InlineData("node-notice", "http://127.0.0.1/a b")]
    [InlineData("node-notice", "http://127.0.0.1/#x")]
    [InlineData("app-prestop", "/bye")]
    [InlineData("app-prestop", "http://10.0.0.1:3000/bye")]
    [InlineData("app-prestop", "http://127.0.0.1.example.org/bye")]
    [InlineData("app-prestop", "http://me@127.0.0.1/bye")]
    [InlineData("app-prestop", "X-Token: a\nhttp://127.0.0.1/bye")]
    [InlineData("app-prestop", "http://127.0.0.1/bye\nno field")]
    [InlineData("app-prestop", "http://127.0.0.1/bye\nX Y: z")]
    [InlineData("memory-limit", "1000")]
    [InlineData("memory-limit", "1MB")]
    [InlineData("memory-reserve", "91%")]
    [InlineData("memory-reserve", "-1%")]
    [InlineData("memory-reserve", "0.1")]
    [InlineData("shed", "yes")]
    [InlineData("priority", "/export")]
    [InlineData("priority", "urgent:/export")]
    [InlineData("priority", "critical:export")]
    [InlineData("priority", "sheddable:/export?all")]
    [InlineData("priority", "header:x priority")]
    [InlineData("recycle-at", "75")]
    [InlineData("recycle-at", "0%")]
    [InlineData("recycle-at", "96%")]
    [InlineData("recycle-at", "on")]
    [InlineData("recycle-at", "400Mi")]
    [InlineData("max-in-flight", "-1")]
    [InlineData("request-timeout", "1")]
    [InlineData("request-headers-timeout", "2h")]
    [InlineData("send-timeout", "slow")]
    [InlineData("max-body", "-1")]
    [InlineData("max-body", "2Pi")]
    [InlineData("max-header-size", "0")]
    [InlineData("max-header-size", "2Mi")]
    [InlineData("max-connections", "NaN")]
    [InlineData("access-log", "on")]
    [InlineData("log-level", "verbose")]
    [InlineData("log-format", "xml")]
    public void A_bad_value_is_one_error_with_key_value_and_range(string name, string value)
    {
        var error = Given.Option(name, value).Error();
        Assert.Equal((name, "command line", value), (error.Key, error.Source, error.Value));
        Assert.NotEmpty(error.Problem);
        Assert.NotEmpty(error.Range);
    }

    [Fact]
    public void Every_option_refuses_empty_and_blank()
    {
        foreach (var row in DrainProxy.Proxy.Settings.OptionsTable.Rows)
        {
            Assert.Contains(Given.Option(row.Name, "").Bind().Errors, e => e.Key == row.Name);
            Assert.Contains(Given.Option(row.Name, " \t").Bind().Errors, e => e.Key == row.Name);
        }
    }

    [Fact]
    public void All_errors_of_all_sources_are_told_at_once()
    {
        using var given = Given.File("""{ "linger": "x", "nonsense": 1, "hold-max": true }""")
            .AndVariable("DRAINPROXY_LB", "elb")
            .AndVariable("DRAINPROXY_QUIET", "")
            .AndOption("grace", "-1s")
            .AndOption("listen", "127.0.0.1:9180");

        var bound = given.Bind();

        Assert.Null(bound.Settings);
        Assert.Equal(["grace", "hold-max", "lb", "linger", "listen", "nonsense", "quiet"], bound.Errors.Select(e => e.Key).Order());
        Assert.All(bound.Errors, e => Assert.NotEmpty(e.Range));
    }

    [Fact]
    public void A_bad_value_that_a_stronger_source_overrides_is_an_error_still()
    {
        var error = Given.Variable("DRAINPROXY_GRACE", "soon").AndOption("grace", "30s").Error();
        Assert.Equal("environment DRAINPROXY_GRACE", error.Source);
    }

    [Fact]
    public void Control_characters_of_a_value_are_shown_and_not_sent()
    {
        var text = Given.Option("lb", "x\n\u001b[2Jdrainproxy: all is well").Error().ToString();
        Assert.DoesNotContain(text, char.IsControl);
        Assert.Contains("\\u001b", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_value_is_cut_in_the_message() =>
        Assert.InRange(Given.Option("lb", new string('x', 100_000)).Error().ToString().Length, 1, 1000);
}
