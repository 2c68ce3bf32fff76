using System.Globalization;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Settings;

/// <summary>Makes the rows of <see cref="OptionsTable"/>, one method per form of value: the bounds checked are the bounds shown.</summary>
internal static class OptionRows
{
    public static OptionRow Duration(
        string name, string? preset, string help, TimeSpan lowest, TimeSpan highest, Func<ProxySettings, TimeSpan, ProxySettings> set, string? zero = null, string? derived = null)
    {
        var range = $"{Zero(Values.Duration.Format(lowest), zero)} to {Values.Duration.Format(highest)}, as 500ms, 5s, 2m, 1h";
        return new()
        {
            Name = name,
            Kind = ValueKind.Duration,
            Placeholder = "DURATION",
            Default = preset ?? derived!,
            DefaultIsDerived = preset is null,
            Range = range,
            Help = help,
            Lowest = (long)lowest.TotalMilliseconds,
            Highest = (long)highest.TotalMilliseconds,
            Apply = (draft, text) =>
            {
                if (!Values.Duration.TryParse(text, out var value))
                    return "not a duration";
                if (value < lowest || value > highest)
                    return "out of range";
                draft.Settings = set(draft.Settings, value);
                return null;
            },
        };
    }

    public static OptionRow Size(
        string name, string? preset, string help, long lowest, long highest, Func<ProxySettings, long, ProxySettings> set, string? zero = null, string? derived = null) => new()
        {
            Name = name,
            Kind = ValueKind.Size,
            Placeholder = "SIZE",
            Default = preset ?? derived!,
            DefaultIsDerived = preset is null,
            Range = $"{Zero(ByteSize.Format(lowest), zero)} to {ByteSize.Format(highest)}, as 512Ki, 1.5G or bytes",
            Help = help,
            Lowest = lowest,
            Highest = highest,
            Apply = (draft, text) =>
            {
                if (!ByteSize.TryParse(text, out var value))
                    return "not a size";
                if (value < lowest || value > highest)
                    return "out of range";
                draft.Settings = set(draft.Settings, value);
                return null;
            },
        };

    public static OptionRow Count(string name, string preset, string help, int lowest, int highest, Func<ProxySettings, int, ProxySettings> set, string? zero = null) => new()
    {
        Name = name,
        Kind = ValueKind.Count,
        Placeholder = "N",
        Default = preset,
        Range = $"{Zero(lowest.ToString(CultureInfo.InvariantCulture), zero)} to {highest.ToString(CultureInfo.InvariantCulture)}",
        Help = help,
        Lowest = lowest,
        Highest = highest,
        Apply = (draft, text) =>
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value))
                return text.Length > 0 && text.All(char.IsAsciiDigit) ? "out of range" : "not a whole number";
            if (value < lowest || value > highest)
                return "out of range";
            draft.Settings = set(draft.Settings, value);
            return null;
        },
    };

    public static OptionRow Choice<T>(string name, string preset, string help, Func<ProxySettings, T, ProxySettings> set, string? placeholder = null, string? derived = null)
        where T : struct, Enum
    {
        // No generic code over T: each enum would bring its own, compiled at every start (30 methods each, measured).
#pragma warning disable CA2263 // The generic overloads are that code.
        var names = Array.ConvertAll(Enum.GetNames(typeof(T)), static name => name.ToLowerInvariant());
        return new()
        {
            Name = name,
            Kind = ValueKind.Choice,
            Placeholder = placeholder ?? string.Join('|', names),
            Default = derived ?? preset,
            DefaultIsDerived = derived is not null,
            Range = string.Join(", ", names),
            Help = help,
            Choices = names,
            Apply = (draft, text) =>
            {
                if (Array.IndexOf(names, text) < 0)
                    return "unknown value";
                draft.Settings = set(draft.Settings, (T)Enum.Parse(typeof(T), text, ignoreCase: true));
                return null;
            },
        };
#pragma warning restore CA2263
    }

    /// <summary>A path of a URL, as it stands in a request line.</summary>
    public static OptionRow Path(string name, string derived, string help, Func<ProxySettings, string, ProxySettings> set) => new()
    {
        Name = name,
        Kind = ValueKind.Path,
        Placeholder = "PATH",
        Default = derived,
        DefaultIsDerived = true,
        Range = "a path that starts with /, without query, blanks and control characters",
        Help = help,
        Apply = (draft, text) =>
        {
            if (text.Length == 0 || text[0] != '/')
                return "does not start with /";
            if (text.Any(c => c is <= ' ' or >= '\x7f' or '?' or '#'))
                return "holds a character that a path in a request line cannot";
            draft.Settings = set(draft.Settings, text);
            return null;
        },
    };

    public static OptionRow File(string name, string help, string range, Func<ProxySettings, string, ProxySettings> set) => new()
    {
        Name = name,
        Kind = ValueKind.File,
        Placeholder = "FILE",
        Default = "none",
        DefaultIsDerived = true,
        Range = range,
        Help = help,
        Apply = (draft, text) =>
        {
            if (string.IsNullOrWhiteSpace(text))
                return "the name is empty";
            if (text.Contains('\0', StringComparison.Ordinal))
                return "the name holds a zero character";
            draft.Settings = set(draft.Settings, text);
            return null;
        },
    };

    private static string Zero(string lowest, string? zero) => zero is null ? lowest : $"{lowest} ({zero})";
}
