using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class ConfigFileTests
{
    [Fact]
    public void Numbers_and_booleans_are_taken_where_they_mean_one_thing()
    {
        using var given = Given.File("""{ "listen": 8081, "hold-max": 5, "max-body": 1048576, "linger": 0, "access-log": false }""");
        var settings = given.Settings();
        Assert.Equal(8081, settings.Ports[0].Listen.Port);
        Assert.Equal(5, settings.HoldMax);
        Assert.Equal(1048576, settings.MaxBody);
        Assert.Equal(TimeSpan.Zero, settings.Linger);
        Assert.Equal(AccessLog.Off, settings.AccessLog);
    }

    [Theory]
    [InlineData("grace", "30")]
    [InlineData("grace", "null")]
    [InlineData("grace", "[\"30s\"]")]
    [InlineData("grace", "{\"s\": 30}")]
    [InlineData("hold-max", "true")]
    [InlineData("hold-max", "1.5")]
    [InlineData("hold-max", "1e3")]
    [InlineData("hold-max", "-1")]
    [InlineData("lb", "1")]
    [InlineData("access-log", "true")]
    [InlineData("log-level", "false")]
    [InlineData("map", "\"8081=http://127.0.0.1:3001\"")]
    [InlineData("map", "[8081]")]
    public void A_value_of_the_wrong_type_is_an_error_with_its_line(string name, string json)
    {
        using var given = Given.File($"{{\n  \"quiet\": \"1s\",\n  \"{name}\": {json}\n}}");
        var error = given.Error();
        Assert.Equal(name, error.Key);
        Assert.Equal($"file {given.FilePath} line 3", error.Source);
    }

    [Theory]
    [InlineData("config", "\"other.json\"")]
    [InlineData("--grace", "\"30s\"")]
    [InlineData("drain_timeout", "\"30s\"")]
    [InlineData("Grace", "\"30s\"")]
    public void An_unknown_key_is_an_error(string key, string json)
    {
        using var given = Given.File($"{{ \"{key}\": {json} }}");
        var error = given.Error();
        Assert.Equal((key, "unknown key"), (error.Key, error.Problem));
    }

    [Fact]
    public void A_key_that_stands_twice_is_an_error()
    {
        using var given = Given.File("{ \"grace\": \"30s\",\n \"grace\": \"40s\" }");
        var error = given.Error();
        Assert.Equal("grace", error.Key);
        Assert.EndsWith("line 2", error.Source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\n  \"grace\": 30s\n}", 2, 14)]
    [InlineData("{ \"grace\": \"30s\" ", 1, 18)]
    [InlineData("{ \"grace\": \"30s\" } x", 1, 20)]
    [InlineData("{ \"grace\": \"30s\", }", 1, 19)]
    public void A_syntax_error_tells_line_and_column(string json, int line, int column)
    {
        using var given = Given.File(json);
        var error = given.Error();
        Assert.Equal("config", error.Key);
        Assert.Equal($"file {given.FilePath} line {line}, column {column}", error.Source);
        Assert.DoesNotContain("LineNumber", error.Problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "the file is empty")]
    [InlineData(" \n\t", "the file is empty")]
    [InlineData("{ \"grace\": \"30s\",\n }", "not JSON: a comma without a value behind it")]
    [InlineData("{\n \"map\": [\"8081=http://127.0.0.1:1\", ]}", "not JSON: a comma without a value behind it")]
    [InlineData("{\n\n \"grace\": \"30s\"\n", "not JSON: the file ends before its object does")]
    [InlineData("{ \"grace\": \"30s\",", "not JSON: the file ends before its object does")]
    [InlineData("{\n // half a minute\n \"grace\": \"30s\" }", "not JSON: comments are not allowed")]
    public void Common_slips_have_words_of_their_own(string json, string problem)
    {
        using var given = Given.File(json);
        Assert.Equal(problem, given.Error().Problem);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("\"grace\"")]
    [InlineData("null")]
    public void A_root_that_is_no_object_is_an_error(string json)
    {
        using var given = Given.File(json);
        Assert.Equal("config", given.Error().Key);
    }

    [Fact]
    public void Text_that_is_no_utf8_is_an_error()
    {
        using var given = Given.File("{}");
        File.WriteAllBytes(given.FilePath!, [.. "{ \"lb\": \""u8, 0xff, 0xfe, .. "\" }"u8]);
        Assert.Equal("config", given.Error().Key);
    }

    [Fact]
    public void A_byte_order_mark_is_no_error()
    {
        using var given = Given.File("\ufeff{ \"grace\": \"40s\" }");
        Assert.Equal(TimeSpan.FromSeconds(40), given.Settings().Grace);
    }

    [Theory]
    [InlineData("/no/such/file.json", "no such file")]
    [InlineData("/", "this is a directory")]
    public void A_file_that_cannot_be_read_is_an_error(string path, string problem)
    {
        var error = Given.Option("config", path).Error();
        Assert.Equal(("config", path, problem), (error.Key, error.Value, error.Problem));
    }

    [Fact]
    public void A_file_without_end_is_not_read_to_its_end() => Assert.Equal("config", Given.Option("config", "/dev/zero").Error().Key);
}
