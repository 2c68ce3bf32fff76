using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Process.Tests.Cli;

public sealed class ExitCodeTests
{
    [Theory]
    [InlineData("bogus")]
    [InlineData("run --bogus")]
    [InlineData("run --bogus=1")]
    [InlineData("run -g 30s")]
    [InlineData("run stray")]
    [InlineData("run --grace")]
    [InlineData("run --lb alb --grace")]
    [InlineData("run --grace --lb alb")]
    [InlineData("run --listen --app")]
    [InlineData("run --max-inflight 5")]
    [InlineData("run -- node app.js")]
    [InlineData("dev node app.js")]
    [InlineData("dev --")]
    [InlineData("dev --watch *.js")]
    [InlineData("dev --app-port-env HTTP_PORT")]
    [InlineData("dev -- drainproxy-no-such-command")]
    [InlineData("dev -- /no/such/command")]
    [InlineData("signal")]
    [InlineData("signal now")]
    [InlineData("config")]
    [InlineData("config show --bogus")]
    [InlineData("demo --json")]
    public async Task A_wrong_command_line_is_2(string commandLine)
    {
        var outcome = await BuiltProgram.RunAsync(commandLine.Split(' '));
        Assert.Equal(2, outcome.ExitCode);
        Assert.StartsWith("drainproxy: ", outcome.Error, StringComparison.Ordinal);
        Assert.Empty(outcome.Output);
    }

    [Theory]
    [InlineData("run --grace soon", "grace")]
    [InlineData("run --grace=-5s", "grace")]
    [InlineData("run --grace -5s", "grace")]
    [InlineData("dev --lb elb", "lb")]
    [InlineData("config show --hold-max NaN", "hold-max")]
    [InlineData("run --listen 127.0.0.1:9180", "listen")]
    [InlineData("run --listen no-such-host.invalid:0", "listen")]
    [InlineData("run --map 8081=http://127.0.0.1:3001 --app http://127.0.0.1:3000", "app")]
    [InlineData("run --config /no/such/file", "config")]
    [InlineData("run --tls-cert /no/such/file", "tls-cert")]
    [InlineData("signal terminating --admin nowhere", "admin")]
    [InlineData("dev --app-port-env 1x -- true", "app-port-env")]
    [InlineData("dev --map 8081=http://127.0.0.1:3001 --map 8082=http://127.0.0.1:3002 -- true", "map")]
    public async Task An_invalid_configuration_is_78(string commandLine, string key)
    {
        var outcome = await BuiltProgram.RunAsync(commandLine.Split(' '));
        Assert.Equal(78, outcome.ExitCode);
        Assert.Contains($"\n  {key} (", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("1 error:", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_value_is_a_bad_value()
    {
        Assert.Equal(78, (await BuiltProgram.RunAsync("run", "--lb", "")).ExitCode);
        Assert.Equal(78, (await BuiltProgram.RunAsync([("DRAINPROXY_LB", "")], "run")).ExitCode);
    }

    [Fact]
    public async Task All_errors_are_told_before_anything_is_bound()
    {
        // The port is taken: whoever tried to bind it would say so, with another code.
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var outcome = await BuiltProgram.RunAsync(
            [("DRAINPROXY_QUIET", "x")], "run", "--listen", taken.LocalEndpoint.ToString()!, "--admin", "127.0.0.1:0", "--lb", "y", "--grace", "z");
        Assert.Equal(78, outcome.ExitCode);
        Assert.Contains("3 errors:", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("quiet (environment DRAINPROXY_QUIET): found \"x\"", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("lb (command line): found \"y\"", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("grace (command line): found \"z\"", outcome.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("dev")]
    public async Task A_port_in_use_is_69(string command)
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var outcome = await BuiltProgram.RunAsync(command, "--listen", taken.LocalEndpoint.ToString()!, "--admin", "127.0.0.1:0");
        Assert.Equal(69, outcome.ExitCode);
    }

    /// <summary>An address of TEST-NET-1 (RFC 5737), which no machine has: of several listeners the refused one is named.</summary>
    [Theory]
    [InlineData("--listen", "--admin")]
    [InlineData("--admin", "--listen")]
    public async Task An_address_that_cannot_be_bound_is_named(string refused, string other)
    {
        var outcome = await BuiltProgram.RunAsync("run", refused, "192.0.2.1:18081", other, "127.0.0.1:0");
        Assert.Equal(69, outcome.ExitCode);
        Assert.Contains("cannot bind 192.0.2.1:18081:", outcome.Error, StringComparison.Ordinal);
    }
}
