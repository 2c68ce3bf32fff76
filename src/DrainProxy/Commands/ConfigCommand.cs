using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>`drainproxy config show`: the merged settings and where each came from. `config schema`: the JSON schema of the file.</summary>
internal static class ConfigCommand
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create() => new("config", "shows the settings and their schema") { CreateShow(), CreateSchema() };

    private static Command CreateShow()
    {
        var show = new Command("show", "the settings that `run` would take, and where each came from");
        var options = SettingOptions.AddTo(show);
        var json = new Option<bool>("--json") { Description = "the same as JSON" };
        show.Add(json);
        show.SetAction(result =>
        {
            var bound = SettingsBinder.Bind(options.Read(result), SettingsBinder.ReadEnvironment());
            if (bound.Settings is null)
                return ConfigurationErrors.Print(bound.Errors, bound.Warnings);
            foreach (var warning in bound.Warnings)
                Console.Error.WriteLine($"drainproxy: warning: {warning}");
            Console.Out.WriteLine(result.GetValue(json) ? ToJson(bound.Origins) : ToText(bound.Origins));
            return ExitCodes.Ok;
        });
        return show;
    }

    private static Command CreateSchema()
    {
        var schema = new Command("schema", "the JSON schema of the --config file");
        schema.SetAction(_ =>
        {
            Console.Out.WriteLine(SettingsSchema.Text());
            return ExitCodes.Ok;
        });
        return schema;
    }

    private static string ToJson(IReadOnlyList<SettingOrigin> origins)
    {
        var all = new JsonObject();
        foreach (var origin in origins)
        {
            JsonNode? value = OptionsTable.Find(origin.Name) is { Repeatable: true }
                ? new JsonArray([.. (origin.IsDefault ? [] : origin.Values).Select(v => (JsonNode)v)])
                : JsonValue.Create(origin.Values[^1]);
            all[origin.Name] = new JsonObject { ["value"] = value, ["source"] = origin.Source };
        }

        return all.ToJsonString(Readable);
    }

    private static string ToText(IReadOnlyList<SettingOrigin> origins)
    {
        var rows = origins.Select(o => (o.Name, Value: string.Join(", ", o.Values), o.Source)).Prepend(("SETTING", "VALUE", "SOURCE")).ToList();
        var (name, value) = (rows.Max(r => r.Item1.Length), rows.Max(r => r.Item2.Length));
        return string.Join(Environment.NewLine, rows.Select(r => $"{r.Item1.PadRight(name)}  {r.Item2.PadRight(value)}  {r.Item3}"));
    }
}
