using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class OptionsTableTests
{
    // The option table that users rely on, with its defaults; null: follows from other settings or is learned.
    private static readonly (string Name, string? Default)[] Contract =
    [
        ("listen", "0.0.0.0:8080"), ("app", "http://127.0.0.1:3000"), ("map", null), ("tls-cert", null), ("tls-key", null), ("admin", "0.0.0.0:9180"),
        ("lb", "auto"), ("idle-timeout", null), ("app-idle-timeout", null),
        ("grace", "30s"), ("linger", null), ("quiet", "3s"), ("drain-timeout", null), ("announce-delay", "0"), ("app-stop", null),
        ("readiness-on-drain", "fail"), ("after-drain", "exit"), ("node-notice", "none"), ("app-prestop", null), ("health-path", null), ("app-health", null),
        ("hold-timeout", "10s"), ("hold-max", "1000"),
        ("memory-source", "auto"), ("memory-limit", null), ("memory-reserve", "10%"), ("shed", "on"), ("priority", null), ("recycle-at", "off"), ("max-in-flight", "0"), ("request-timeout", "0"), ("request-headers-timeout", "10s"), ("send-timeout", "30s"), ("max-body", "0"), ("max-header-size", "64Ki"), ("max-connections", "0"),
        ("trusted-proxies", null), ("via", "on"), ("unsafe-fields", "pass"),
        ("access-log", "off"), ("log-level", "info"), ("log-format", "auto"), ("config", null),
    ];

    [Fact]
    public void The_table_is_the_contracts() =>
        Assert.Equal(Contract, OptionsTable.Rows.Select(r => (r.Name, r.DefaultIsDerived ? null : (string?)r.Default)));

    [Fact]
    public void Load_balancers_are_the_contracts() => Assert.Equal(
        ["alb", "appgw", "auto", "clb", "cloudflare", "envoy", "frontdoor", "gclb", "haproxy", "heroku", "nginx", "nlb", "none", "oci", "traefik"],
        OptionsTable.Find("lb")!.Choices.Order());

    [Fact]
    public void Environment_names_follow_from_the_options() => Assert.Equal("DRAINPROXY_DRAIN_TIMEOUT", OptionsTable.Find("drain-timeout")!.Variable);

    [Fact]
    public void The_defaults_told_are_the_defaults_in_force()
    {
        var nothing = new Given().Settings();
        foreach (var row in OptionsTable.Rows.Where(r => !r.DefaultIsDerived))
        {
            var told = Given.Option(row.Name, row.Default).Settings();
            Assert.Equal(nothing.Ports, told.Ports);
            Assert.Equal(nothing with { Ports = told.Ports }, told);
        }
    }

    [Fact]
    public void Without_settings_the_records_own_defaults_hold()
    {
        var (bound, initial) = (new Given().Settings(), new ProxySettings());
        Assert.Equal(initial.Ports, bound.Ports);
        Assert.Equal(initial with { Ports = bound.Ports }, bound);
    }

    [Fact]
    public void Every_option_reaches_its_setting()
    {
        var nothing = new Given().Settings();
        foreach (var (name, value) in Changed)
        {
            var settings = Given.Option(name, value).Settings();
            Assert.False(nothing with { Ports = settings.Ports } == settings && nothing.Ports.SequenceEqual(settings.Ports), name);
        }

        // The files of TLS have tests of their own; the file of settings changes nothing by itself.
        Assert.Equal(OptionsTable.Rows.Select(r => r.Name).Order(), Changed.Select(c => c.Name).Concat(["tls-cert", "tls-key", "config"]).Order());
    }

    [Fact]
    public void Bounds_are_inclusive()
    {
        foreach (var row in OptionsTable.Rows.Where(r => r.Kind is ValueKind.Duration or ValueKind.Size or ValueKind.Count))
        {
            foreach (var bound in (long[])[row.Lowest, row.Highest])
                Assert.DoesNotContain(Try(row, bound).Errors, e => e.Problem == "out of range");
            Assert.Contains(Try(row, row.Highest + 1).Errors, e => e is { Problem: "out of range" } && e.Key == row.Name);
            if (row.Lowest > 0)
                Assert.Contains(Try(row, row.Lowest - 1).Errors, e => e is { Problem: "out of range" } && e.Key == row.Name);
        }

        static BindResult Try(OptionRow row, long value) => Given.Option(row.Name, row.Kind switch
        {
            ValueKind.Duration => Duration.Format(TimeSpan.FromMilliseconds(value)),
            _ => $"{value}",
        }).Bind();
    }

    private static readonly (string Name, string Value)[] Changed =
    [
        ("listen", "8081"), ("app", "unix:/run/app.sock"), ("map", "8081=http://127.0.0.1:3001"), ("admin", "127.0.0.1:9180"), ("lb", "alb"),
        ("idle-timeout", "75s"), ("app-idle-timeout", "4s"), ("grace", "60s"), ("linger", "5s"), ("quiet", "1s"), ("drain-timeout", "20s"),
        ("announce-delay", "1s"), ("app-stop", "2s"), ("readiness-on-drain", "keep"), ("after-drain", "stay"), ("node-notice", "aws"), ("app-prestop", "http://127.0.0.1:3000/bye"), ("health-path", "/healthz"),
        ("app-health", "/up"), ("hold-timeout", "5s"), ("hold-max", "10"), ("memory-source", "pid:1"), ("memory-limit", "512Mi"), ("memory-reserve", "128Mi"), ("shed", "shadow"), ("priority", "sheddable:/export*"), ("recycle-at", "75%"), ("max-in-flight", "50"), ("request-timeout", "60s"), ("request-headers-timeout", "20s"), ("send-timeout", "1m"), ("max-body", "10Mi"),
        ("max-header-size", "32Ki"), ("max-connections", "5000"), ("trusted-proxies", "10.0.0.0/8"), ("via", "off"), ("unsafe-fields", "drop"), ("access-log", "all"), ("log-level", "debug"), ("log-format", "json"),
    ];
}
