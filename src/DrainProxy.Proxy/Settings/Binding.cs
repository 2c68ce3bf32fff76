namespace DrainProxy.Proxy.Settings;

/// <summary>One run of the binder: takes option after option from its sources and remembers what was wrong and who set what.</summary>
internal sealed class Binding
{
    private readonly Dictionary<string, RawSetting>[] sources;
    private readonly SettingsDraft draft;
    private readonly HashSet<string> set = new(StringComparer.Ordinal);

    public Binding(IReadOnlyDictionary<string, IReadOnlyList<string>> commandLine, IReadOnlyDictionary<string, string> environment, string? configPath, bool dev)
    {
        draft = new() { Dev = dev };
        if (dev)
            draft.Settings = draft.Settings with { Dev = true };

        var fromCommandLine = SettingsSources.OfCommandLine(commandLine);
        var fromEnvironment = SettingsSources.OfEnvironment(environment, Warnings);
        var config = configPath is not null
            ? new RawSetting([configPath], "command line")
            : fromCommandLine.GetValueOrDefault(OptionsTable.ConfigName) ?? fromEnvironment.GetValueOrDefault(OptionsTable.ConfigName);
        // An empty name is told by the option's own row.
        var fromFile = config is { Values: [var path] } && !string.IsNullOrWhiteSpace(path) && !path.Contains('\0', StringComparison.Ordinal)
            ? ConfigFile.Read(path, config.Source, Errors)
            : [];
        sources = [fromFile, fromEnvironment, fromCommandLine];
    }

    public List<SettingError> Errors { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<SettingOrigin> Origins { get; } = [];

    /// <summary>Somebody set it, rightly or wrongly.</summary>
    public bool IsSet(string name) => set.Contains(name);

    /// <summary>A value of it is wrong, so rules that build on it have nothing to say.</summary>
    public bool IsBad(string name) => Errors.Any(e => e.Key == name);

    /// <summary>Weakest source first, so that the strongest has the last word.</summary>
    public void Take(OptionRow row)
    {
        var preset = draft.Dev && row.DevDefault is not null ? row.DevDefault : row.Default;
        if (draft.Dev && row.DevDefault is not null)
            row.Apply(draft, row.DevDefault);

        var origin = new SettingOrigin(row.Name, [preset], "default", IsDefault: true);
        foreach (var source in sources)
        {
            if (!source.TryGetValue(row.Name, out var raw))
                continue;
            set.Add(row.Name);
            Apply(row, raw);
            origin = new(row.Name, raw.Values, raw.Source, IsDefault: false);
        }

        Origins.Add(origin);
    }

    /// <summary>A rule between settings is broken; the source told is that of the first one set among them.</summary>
    public void Broken(string[] names, string? value, string problem, string range)
    {
        var origin = Origins.Where(o => names.Contains(o.Name)).OrderBy(o => o.IsDefault).ThenBy(o => Array.IndexOf(names, o.Name)).First();
        Errors.Add(new(origin.Name, origin.Source, value ?? string.Join(", ", origin.Values), problem, range));
    }

    public ProxySettings Settle()
    {
        var initial = draft.Settings.Ports[0];
        IReadOnlyList<PortMap> ports = IsSet("map") && draft.Maps.Count > 0
            ? [.. draft.Maps]
            : [new(draft.Listen ?? initial.Listen, draft.App ?? initial.App)];
        var settings = draft.Settings with { Ports = ports, TrustedProxies = draft.TrustedProxies };
        return draft.Priorities.Count > 0 ? settings with { Priorities = [.. draft.Priorities] } : settings;
    }

    private void Apply(OptionRow row, RawSetting raw)
    {
        // A stronger source replaces the whole list of a weaker one.
        row.Clear(draft);
        foreach (var value in raw.Values)
        {
            var problem = value.Length == 0 ? "the value is empty"
                : string.IsNullOrWhiteSpace(value) ? "the value is blank"
                : row.Apply(draft, value);
            if (problem is not null)
                Errors.Add(new(row.Name, raw.Source, value, problem, row.Range));
        }
    }
}
