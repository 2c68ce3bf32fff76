using System.ComponentModel;
using System.Diagnostics;

namespace DrainProxy.Proxy.Tests.Telemetry;

/// <summary>The formats as the field's own tools read them: promtool (Debian prometheus) and the reference parser (python3-prometheus-client).</summary>
public sealed class ToolTests
{
    private const string PythonParser = """
        import sys
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
        for family in parse(sys.stdin.read()): print(family.name, family.type, family.unit, len(family.samples))
        """;

    [Fact]
    public async Task Promtool_has_nothing_to_say_about_the_text_format()
    {
        using var bench = Busy();
        var (exitCode, output) = await Run("promtool", "prometheus", ["check", "metrics"], bench.Text());
        Assert.Equal("", output);
        Assert.Equal(0, exitCode);
    }

    /// <summary>
    /// promtool reads the text format only. OpenMetrics heads a counter without `_total`, so it misses the help of exactly the counters' samples;
    /// anything else it says is a fault.
    /// </summary>
    [Fact]
    public async Task Promtool_misses_only_the_counters_heads_in_OpenMetrics()
    {
        using var bench = Busy();
        var text = bench.Text(openMetrics: true);
        var (exitCode, output) = await Run("promtool", "prometheus", ["check", "metrics"], text);
        var counters = Exposition.ParseOpenMetrics(text).Families.Where(f => f.Type == "counter").Select(f => $"{f.Name}_total no help text");
        Assert.Equal(counters.Order(), output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        Assert.Equal(3, exitCode);
    }

    [Fact]
    public async Task Promtool_finds_faults_at_all()
    {
        var (exitCode, _) = await Run("promtool", "prometheus", ["check", "metrics"], "bad_metric{label=\"x\" 1\n");
        Assert.NotEqual(0, exitCode);
    }

    [Fact]
    public async Task The_reference_parser_reads_OpenMetrics()
    {
        using var bench = Busy();
        if ((await Run("/usr/bin/python3", "python3", ["-c", "import prometheus_client"], "")).ExitCode != 0) Missing("prometheus_client", "python3-prometheus-client");
        var text = bench.Text(openMetrics: true);
        var (exitCode, output) = await Run("/usr/bin/python3", "python3", ["-c", PythonParser], text);
        Assert.True(exitCode == 0, output);
        var expected = Exposition.ParseOpenMetrics(text).Families.Select(f => $"{f.Name} {f.Type} {f.Unit} {f.Samples.Count}");
        Assert.Equal(expected, output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var (cut, _) = await Run("/usr/bin/python3", "python3", ["-c", PythonParser], text.Replace("# EOF\n", "", StringComparison.Ordinal));
        Assert.NotEqual(0, cut);
    }

    /// <summary>Numbers of every kind, large, fractional and tiny, and a version with all that needs escaping.</summary>
    private static MetricsBench Busy()
    {
        var bench = new MetricsBench("1.0.0+\"quoted\" \\ and\nbroken");
        for (var i = 0; i < 5; i++)
        {
            bench.Counters.RequestStarted();
            bench.Counters.RequestEnded(200, DrainProxy.Proxy.Telemetry.Outcome.Ok);
            bench.Metrics.RecordDuration(0.0001 * i);
        }

        bench.Metrics.RecordDuration(1_234_567.891);
        bench.Metrics.RecordTermination(DrainProxy.Decisions.Draining.Trigger.NodeNotice, DrainProxy.Decisions.Draining.DrainResult.Cut, TimeSpan.FromTicks(1));
        return bench;
    }

    private static async Task<(int ExitCode, string Output)> Run(string tool, string package, string[] arguments, string input)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Start(start, tool, package);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30), TimeProvider.System);
        var output = process.StandardOutput.ReadToEndAsync(limit.Token);
        var errors = process.StandardError.ReadToEndAsync(limit.Token);
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            await process.WaitForExitAsync(limit.Token);
        }
        catch (IOException)
        {
            // It left without reading to the end; its exit code says why.
            await process.WaitForExitAsync(limit.Token);
        }

        return (process.ExitCode, await output + await errors);
    }

    private static Process Start(ProcessStartInfo start, string tool, string package)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Missing(tool, package);
            throw;
        }
    }

    private static void Missing(string tool, string package)
    {
        var reason = $"{tool} is not installed (Debian package {package})";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
    }
}
