namespace DrainProxy.Proxy.Settings;

/// <summary>The texts that one source holds for one option, and the words for where.</summary>
internal sealed record RawSetting(IReadOnlyList<string> Values, string Source);

/// <summary>The three sources as one form: per option the texts found, the weakest source first.</summary>
internal static class SettingsSources
{
    public static Dictionary<string, RawSetting> OfCommandLine(IReadOnlyDictionary<string, IReadOnlyList<string>> given)
    {
        var settings = new Dictionary<string, RawSetting>(StringComparer.Ordinal);
        foreach (var (name, values) in given)
        {
            // Given twice, the last one counts: that is how arguments are overridden behind an image's own.
            var row = OptionsTable.Find(name) ?? throw new ArgumentException($"No option is called {name}.", nameof(given));
            if (values.Count > 0)
                settings[name] = new(row.Repeatable ? values : [values[^1]], "command line");
        }

        return settings;
    }

    public static Dictionary<string, RawSetting> OfEnvironment(IReadOnlyDictionary<string, string> environment, List<string> warnings)
    {
        var settings = new Dictionary<string, RawSetting>(StringComparer.Ordinal);
        foreach (var row in OptionsTable.Rows)
        {
            if (environment.TryGetValue(row.Variable, out var text))
                settings[row.Name] = new(row.Repeatable ? Split(text) : [text], $"environment {row.Variable}");
        }

        // A warning, no error: Kubernetes makes such names for every Service called drainproxy.
        var known = OptionsTable.Rows.Select(row => row.Variable).ToHashSet(StringComparer.Ordinal);
        foreach (var name in environment.Keys.Order(StringComparer.Ordinal))
        {
            if (name.StartsWith(SettingsBinder.EnvironmentPrefix, StringComparison.Ordinal) && !known.Contains(name))
                warnings.Add($"environment variable {name} is no setting of drainproxy and is ignored");
        }

        return settings;
    }

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.TrimEntries);
}
