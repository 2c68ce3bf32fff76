using System.Globalization;
using System.Text.RegularExpressions;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>Time spans as the settings of `run` have them, which a test compares: `500ms`, `5s`, `2m`, `1m30s`, `1.5s`, `0`; never a bare number.</summary>
internal static partial class Durations
{
    public static bool TryParse(string text, out TimeSpan time)
    {
        time = TimeSpan.Zero;
        if (text == "0") return true;
        var match = Form().Match(text);
        if (!match.Success || text.Length == 0) return false;
        try
        {
            var milliseconds = (Part(match, 1) * 3_600_000) + (Part(match, 2) * 60_000) + (Part(match, 3) * 1_000) + Part(match, 4);
            if (milliseconds != decimal.Truncate(milliseconds) || milliseconds > (decimal)TimeSpan.MaxValue.TotalMilliseconds - 1) return false;
            time = TimeSpan.FromTicks((long)(milliseconds * TimeSpan.TicksPerMillisecond));
            return true;
        }
        catch (OverflowException)
        {
            return false;
        }
    }

    /// <summary>In seconds, or milliseconds where there are some, so that the settings read it back.</summary>
    public static string Format(TimeSpan time) => time.Ticks % TimeSpan.TicksPerSecond == 0
        ? time.TotalSeconds.ToString("0", CultureInfo.InvariantCulture) + "s"
        : time.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture) + "ms";

    private static decimal Part(Match match, int group) =>
        match.Groups[group].Success ? decimal.Parse(match.Groups[group].Value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture) : 0;

    [GeneratedRegex(@"^(?:([0-9]+(?:\.[0-9]+)?)h)?(?:([0-9]+(?:\.[0-9]+)?)m)?(?:([0-9]+(?:\.[0-9]+)?)s)?(?:([0-9]+)ms)?\z")]
    private static partial Regex Form();
}
