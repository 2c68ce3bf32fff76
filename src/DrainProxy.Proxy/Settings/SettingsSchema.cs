using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Settings;

/// <summary>The JSON schema of the `--config` file, generated from <see cref="OptionsTable"/> so that it cannot lag behind.</summary>
public static class SettingsSchema
{
    private static readonly JsonSerializerOptions Indented = new()
    {
        WriteIndented = true,
        // For people and editors, not for a page: quotes and arrows stay readable.
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static string Text() => Create().ToJsonString(Indented);

    public static JsonObject Create()
    {
        var properties = new JsonObject();
        foreach (var row in OptionsTable.Rows.Where(r => r.Name != OptionsTable.ConfigName))
            properties[row.Name] = Property(row);
        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "DrainProxy settings",
            ["type"] = "object",
            ["additionalProperties"] = false,
            ["properties"] = properties,
        };
    }

    private static JsonObject Property(OptionRow row)
    {
        var property = new JsonObject { ["description"] = $"{row.Help}. Allowed: {row.Range}." };
        if (!row.DefaultIsDerived)
            property["default"] = row.Default;
        if (row.Repeatable)
        {
            property["type"] = "array";
            property["items"] = new JsonObject { ["anyOf"] = new JsonArray([.. Forms(row)]) };
        }
        else
        {
            property["anyOf"] = new JsonArray([.. Forms(row)]);
        }

        return property;
    }

    /// <summary>The JSON forms that <see cref="ConfigFile"/> takes for the value; bounds inside texts are the binder's to check.</summary>
    private static JsonNode[] Forms(OptionRow row) => row.Kind switch
    {
        ValueKind.Duration => [Text(Duration.Pattern), new JsonObject { ["const"] = 0 }],
        ValueKind.Size => [Text(ByteSize.Pattern), Integer(row.Lowest, row.Highest)],
        ValueKind.Count => [Text("^[0-9]+$"), Integer(row.Lowest, row.Highest)],
        ValueKind.Listen or ValueKind.Admin => [Text(@"\S"), Integer(0, 65535)],
        ValueKind.Choice => [Choice(row.Choices)],
        ValueKind.App => [Text("^(http|https|h2c)://[^/]|^unix:/")],
        ValueKind.Map => [Text("=(http|https|h2c)://[^/]|=unix:/")],
        ValueKind.Networks => [Text("^(private|none|[0-9A-Fa-f.:]+(/[0-9]{1,3})?)$")],
        ValueKind.MemorySource => [Text(MemorySources.Pattern)],
        ValueKind.AppHooks => [Text(AppHooks.Pattern)],
        ValueKind.NodeNotice => [Text(NodeNoticeSources.Pattern)],
        ValueKind.Share => [Text(Shares.ReservePattern)],
        ValueKind.Recycling => [Text(Shares.RecyclePattern)],
        ValueKind.Priority => [Text(Priorities.Pattern)],
        ValueKind.Path => [Text(@"^/[^\s?#]*$")],
        _ => [Text(@"\S")],
    };

    private static JsonObject Text(string pattern) => new() { ["type"] = "string", ["pattern"] = pattern };

    private static JsonObject Integer(long lowest, long highest) => new() { ["type"] = "integer", ["minimum"] = lowest, ["maximum"] = highest };

    private static JsonObject Choice(IReadOnlyList<string> choices)
    {
        var values = new JsonArray();
        foreach (var choice in choices)
            values.Add(choice);
        if (choices.Contains("off"))
            values.Add(false);
        return new() { ["enum"] = values };
    }
}
