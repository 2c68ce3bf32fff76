using System.Text;
using System.Text.Json.Nodes;
using DrainProxy.Logging;
using DrainProxy.Proxy.Settings;
using Microsoft.Extensions.Logging;
using Serilog.Formatting;

namespace DrainProxy.Process.Tests.Logging;

public sealed class LoggingTests
{
    private static readonly EventId Phase = new(7, "phase_changed");

    [Fact]
    public void A_json_line_has_flat_fields()
    {
        var line = JsonNode.Parse(Write(new JsonLineFormatter(), log => log.LogInformation(Phase, "Phase {Phase} after {Seconds} s, {InFlight} in flight", "Draining", 1.5, 3)))!;
        Assert.Equal("info", (string?)line["level"]);
        Assert.Equal("phase_changed", (string?)line["event"]);
        Assert.Equal("Phase Draining after 1.5 s, 3 in flight", (string?)line["message"]);
        Assert.Equal("drainproxy", (string?)line["logger"]);
        Assert.Equal("Draining", (string?)line["phase"]);
        Assert.Equal(1.5, (double)line["seconds"]!);
        Assert.Equal(3, (int)line["in_flight"]!);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", (string?)line["time"]);
        Assert.Null(line["EventId"]);
    }

    [Fact]
    public void An_exception_is_a_field()
    {
        var line = JsonNode.Parse(Write(new JsonLineFormatter(), log => log.LogError(new InvalidOperationException("first\nsecond"), "It broke")))!;
        Assert.Contains("first\nsecond", (string?)line["exception"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_property_of_a_reserved_name_does_not_stand_twice()
    {
        var text = Write(new JsonLineFormatter(), log => log.LogInformation("{Level} {Message} {InFlight} {In_Flight}", "a", "b", 1, 2));
        var keys = JsonNode.Parse(text)!.AsObject().Select(p => p.Key).ToList();
        Assert.Equal(keys.Distinct(), keys);
        Assert.Contains("level_", keys);
        Assert.Contains("in_flight_", keys);
    }

    [Fact]
    public void Numbers_that_json_lacks_are_text()
    {
        var line = JsonNode.Parse(Write(new JsonLineFormatter(), log => log.LogInformation("{A} {B}", double.NaN, float.PositiveInfinity)))!;
        Assert.Equal(("NaN", "Infinity"), ((string?)line["a"], (string?)line["b"]));
    }

    [Theory]
    [InlineData("json")]
    [InlineData("text")]
    public void Nothing_from_the_wire_begins_a_line_of_its_own(string form)
    {
        ITextFormatter formatter = form == "json" ? new JsonLineFormatter() : new TextLineFormatter();
        const string evil = "/x\r\n{\"level\":\"info\",\"message\":\"forged\"}\n\u001b[2J\u0085\u2028\u2029\0";
        var text = Write(formatter, log => log.LogWarning(new EventId(1, "e\nf"), "Refused {Path} " + "from {Peer}", evil, evil));
        Assert.Equal(text.Length - 1, text.IndexOf('\n', StringComparison.Ordinal));
        Assert.DoesNotContain(text[..^1], c => char.IsControl(c) || c is '\u2028' or '\u2029');
        if (form == "json")
            Assert.Equal(evil, (string?)JsonNode.Parse(text)!["path"]);
    }

    [Fact]
    public void Lines_of_an_exceptions_message_are_indented_in_text()
    {
        var text = Write(new TextLineFormatter(), log => log.LogError(new InvalidOperationException("x\n12:00:00.000 info    forged"), "It broke"));
        Assert.All(text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1), line => Assert.StartsWith("    ", line, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(LogVerbosity.Debug, "drainproxy", LogLevel.Debug, true)]
    [InlineData(LogVerbosity.Info, "drainproxy", LogLevel.Debug, false)]
    [InlineData(LogVerbosity.Info, "drainproxy", LogLevel.Information, true)]
    [InlineData(LogVerbosity.Warning, "drainproxy", LogLevel.Information, false)]
    [InlineData(LogVerbosity.Error, "drainproxy", LogLevel.Warning, false)]
    [InlineData(LogVerbosity.Info, "Microsoft.AspNetCore.Server.Kestrel", LogLevel.Information, false)]
    [InlineData(LogVerbosity.Info, "Yarp.ReverseProxy.Forwarder.HttpForwarder", LogLevel.Information, false)]
    [InlineData(LogVerbosity.Info, "Microsoft.AspNetCore.Server.Kestrel", LogLevel.Warning, true)]
    [InlineData(LogVerbosity.Debug, "Microsoft.AspNetCore.Server.Kestrel", LogLevel.Debug, false)]
    public void Verbosity_is_ours_and_the_framework_is_quieter(LogVerbosity verbosity, string category, LogLevel level, bool enabled)
    {
        using var factory = Log.Create(new() { LogLevel = verbosity }, new JsonLineFormatter(), Stream.Null);
        Assert.Equal(enabled, factory.CreateLogger(category).IsEnabled(level));
    }

    [Fact]
    public void Auto_is_text_on_a_terminal_and_json_elsewhere()
    {
        Assert.IsType<TextLineFormatter>(Log.Formatter(LogForm.Auto, redirected: false));
        Assert.IsType<JsonLineFormatter>(Log.Formatter(LogForm.Auto, redirected: true));
        Assert.IsType<TextLineFormatter>(Log.Formatter(LogForm.Text, redirected: true));
        Assert.IsType<JsonLineFormatter>(Log.Formatter(LogForm.Json, redirected: false));
    }

    private static string Write(ITextFormatter formatter, Action<ILogger> write)
    {
        using var output = new MemoryStream();
        using (var factory = Log.Create(new() { LogLevel = LogVerbosity.Debug }, formatter, output))
            write(factory.CreateLogger("drainproxy"));
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
