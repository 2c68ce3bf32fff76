namespace DrainProxy.Proxy.Settings;

/// <summary>One mistake in the configuration.</summary>
/// <param name="Key">The option's name without dashes.</param>
/// <param name="Source">Where it came from: `command line`, `environment DRAINPROXY_…`, `file PATH line N`, `default`.</param>
/// <param name="Value">What was found there; null when nothing was.</param>
/// <param name="Problem">What is wrong with it.</param>
/// <param name="Range">What would have been right.</param>
public sealed record SettingError(string Key, string Source, string? Value, string Problem, string Range)
{
    private const int LongestValueShown = 120;

    public override string ToString()
    {
        var found = Value is null ? "" : $"found \"{Printable(Value)}\": ";
        return $"{Printable(Key)} ({Printable(Source)}): {found}{Printable(Problem)}; allowed: {Range}";
    }

    // A value comes from anywhere; on the terminal of whoever reads the error it is text and nothing else.
    private static string Printable(string text)
    {
        var shown = text.Length > LongestValueShown ? string.Concat(text.AsSpan(0, LongestValueShown), "…") : text;
        return string.Concat(shown.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString()));
    }
}

/// <summary>Where the value in force of one option came from.</summary>
/// <param name="Name">The option's name without dashes.</param>
/// <param name="Values">The text in force, several for a repeatable option.</param>
/// <param name="Source">As in <see cref="SettingError.Source"/>.</param>
/// <param name="IsDefault">Nobody set it.</param>
public sealed record SettingOrigin(string Name, IReadOnlyList<string> Values, string Source, bool IsDefault);

/// <summary>What a configuration came to: settings when there is no error, else all errors of all sources.</summary>
public sealed record BindResult(
    ProxySettings? Settings,
    IReadOnlyList<SettingError> Errors,
    IReadOnlyList<string> Warnings,
    IReadOnlyList<SettingOrigin> Origins);
