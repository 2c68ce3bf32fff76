using System.Text.Json.Nodes;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Process.Tests.Cli;

public sealed class ConfigCommandTests : IDisposable
{
    private readonly string file = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

    public void Dispose() => File.Delete(file);

    [Fact]
    public async Task Show_tells_every_setting_and_where_it_came_from()
    {
        await File.WriteAllTextAsync(file, """{ "quiet": "1s", "map": ["8081=http://127.0.0.1:3001", "8082=unix:/run/a.sock"] }""");
        var outcome = await BuiltProgram.RunAsync([("DRAINPROXY_LB", "alb"), ("DRAINPROXY_TYPO", "1")], "config", "show", "--grace", "40s", "--config", file);

        Assert.Equal(0, outcome.ExitCode);
        var lines = outcome.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l.Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToDictionary(l => l[0]);
        Assert.Equal(OptionsTable.Rows.Select(r => r.Name), lines.Keys);
        Assert.Equal(["grace", "40s", "command line"], lines["grace"]);
        Assert.Equal(["lb", "alb", "environment DRAINPROXY_LB"], lines["lb"]);
        Assert.Equal(["quiet", "1s", $"file {file} line 1"], lines["quiet"]);
        Assert.Equal(["hold-max", "1000", "default"], lines["hold-max"]);
        Assert.Contains("warning: environment variable DRAINPROXY_TYPO", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Show_as_json_is_the_same()
    {
        var outcome = await BuiltProgram.RunAsync([("DRAINPROXY_MAP", "8081=http://127.0.0.1:3001,8082=unix:/run/a.sock")], "config", "show", "--json", "--grace", "40s");
        Assert.Equal(0, outcome.ExitCode);
        var shown = JsonNode.Parse(outcome.Output)!.AsObject();
        Assert.Equal(OptionsTable.Rows.Select(r => r.Name), shown.Select(p => p.Key));
        Assert.Equal("""{"value":"40s","source":"command line"}""", shown["grace"]!.ToJsonString());
        Assert.Equal("""{"value":["8081=http://127.0.0.1:3001","8082=unix:/run/a.sock"],"source":"environment DRAINPROXY_MAP"}""", shown["map"]!.ToJsonString());
    }

    [Fact]
    public async Task Schema_is_that_of_the_option_table()
    {
        var outcome = await BuiltProgram.RunAsync("config", "schema");
        Assert.Equal(0, outcome.ExitCode);
        Assert.True(JsonNode.DeepEquals(SettingsSchema.Create(), JsonNode.Parse(outcome.Output)));
    }
}
