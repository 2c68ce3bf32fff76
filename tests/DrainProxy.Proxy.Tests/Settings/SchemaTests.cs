using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Proxy.Tests.Settings;

public sealed class SchemaTests
{
    private static readonly JsonObject Schema = SettingsSchema.Create();

    [Fact]
    public void Every_option_but_the_file_itself_is_in_the_schema()
    {
        Assert.Equal(
            OptionsTable.Rows.Select(r => r.Name).Where(n => n != "config"),
            Schema["properties"]!.AsObject().Select(p => p.Key));
        Assert.False(Schema["additionalProperties"]!.GetValue<bool>());
    }

    [Fact]
    public void Every_default_fits_its_own_schema()
    {
        foreach (var (name, property) in Schema["properties"]!.AsObject())
        {
            if (property!["default"] is { } preset)
                Assert.True(Accepts(name, preset.ToJsonString()), name);
        }
    }

    [Theory]
    [InlineData("listen", "8080", true)]
    [InlineData("listen", "\"[::]:8080\"", true)]
    [InlineData("listen", "70000", false)]
    [InlineData("listen", "true", false)]
    [InlineData("admin", "\"\"", false)]
    [InlineData("app", "\"unix:/run/app.sock\"", true)]
    [InlineData("app", "\"127.0.0.1:3000\"", false)]
    [InlineData("map", "[\"8081=http://127.0.0.1:3001\"]", true)]
    [InlineData("map", "\"8081=http://127.0.0.1:3001\"", false)]
    [InlineData("map", "[\"8081\"]", false)]
    [InlineData("lb", "\"alb\"", true)]
    [InlineData("lb", "\"ALB\"", false)]
    [InlineData("grace", "\"1m30s\"", true)]
    [InlineData("grace", "\"1s1m\"", false)]
    [InlineData("grace", "\"\"", false)]
    [InlineData("grace", "\"30\"", false)]
    [InlineData("grace", "30", false)]
    [InlineData("linger", "0", true)]
    [InlineData("linger", "\"0\"", true)]
    [InlineData("linger", "\"-1s\"", false)]
    [InlineData("quiet", "\"0.5ms\"", false)]
    [InlineData("hold-max", "5", true)]
    [InlineData("hold-max", "\"5\"", true)]
    [InlineData("hold-max", "-1", false)]
    [InlineData("hold-max", "1.5", false)]
    [InlineData("hold-max", "null", false)]
    [InlineData("memory-source", "\"cgroup:/sys/fs/cgroup/shop\"", true)]
    [InlineData("memory-source", "\"cgroup\"", false)]
    [InlineData("memory-source", "\"metrics:http://127.0.0.1:9394/metrics\"", true)]
    [InlineData("memory-source", "\"auto,metrics:https://localhost/metrics\"", true)]
    [InlineData("memory-source", "\"metrics:127.0.0.1:9394\"", false)]
    [InlineData("app-prestop", "\"http://127.0.0.1:3000/bye\\nX-Token: a\"", true)]
    [InlineData("app-prestop", "\"/bye\"", false)]
    [InlineData("node-notice", "\"azure\"", true)]
    [InlineData("node-notice", "\"aws=http://127.0.0.1:1338\"", true)]
    [InlineData("node-notice", "\"http://10.0.0.1/leaving?node=a\"", true)]
    [InlineData("node-notice", "\"ec2\"", false)]
    [InlineData("max-body", "\"1.5G\"", true)]
    [InlineData("max-body", "1048576", true)]
    [InlineData("max-body", "\"1MB\"", false)]
    [InlineData("max-body", "\"1.5\"", false)]
    [InlineData("max-header-size", "10", false)]
    [InlineData("health-path", "\"/healthz\"", true)]
    [InlineData("health-path", "\"healthz\"", false)]
    [InlineData("health-path", "\"/a?b\"", false)]
    [InlineData("access-log", "false", true)]
    [InlineData("access-log", "true", false)]
    [InlineData("log-level", "false", false)]
    public void Schema_and_binder_judge_alike(string name, string json, bool right)
    {
        using var given = Given.File($"{{ \"{name}\": {json} }}");
        Assert.Equal(right, given.Bind().Errors.Count == 0);
        Assert.Equal(right, Accepts(name, json));
    }

    private static bool Accepts(string name, string json) => Accepts(Schema["properties"]![name]!.AsObject(), JsonNode.Parse(json));

    // The handful of words that the schema uses; a word not known here fails the test that meets it.
    private static bool Accepts(JsonObject schema, JsonNode? value) => schema.All(word => word.Key switch
    {
        "description" or "default" => true,
        "anyOf" => word.Value!.AsArray().Any(form => Accepts(form!.AsObject(), value)),
        "enum" => word.Value!.AsArray().Any(one => JsonNode.DeepEquals(one, value)),
        "const" => JsonNode.DeepEquals(word.Value, value),
        "type" => IsOfType(word.Value!.GetValue<string>(), value),
        "items" => value is JsonArray array && array.All(element => Accepts(word.Value!.AsObject(), element)),
        "pattern" => value?.GetValueKind() == JsonValueKind.String && Regex.IsMatch(value.GetValue<string>(), word.Value!.GetValue<string>()),
        "minimum" => value?.GetValueKind() == JsonValueKind.Number && value.GetValue<decimal>() >= word.Value!.GetValue<long>(),
        "maximum" => value?.GetValueKind() == JsonValueKind.Number && value.GetValue<decimal>() <= word.Value!.GetValue<long>(),
        _ => throw new InvalidOperationException($"Word of a schema that this test does not know: {word.Key}"),
    });

    private static bool IsOfType(string type, JsonNode? value) => (type, value?.GetValueKind()) switch
    {
        ("string", JsonValueKind.String) or ("array", JsonValueKind.Array) => true,
        ("integer", JsonValueKind.Number) => value!.GetValue<decimal>() % 1 == 0,
        _ => false,
    };
}
