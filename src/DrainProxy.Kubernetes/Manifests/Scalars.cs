using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>
/// What a plain YAML scalar means, and which text may be written plain. The reading is kubectl's (YAML 1.1's yes and on, octal 0123), but for a
/// single y or n, which kubectl alone takes for booleans; the writing is for readers of either version of YAML.
/// </summary>
internal static partial class Scalars
{
    private static readonly HashSet<string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", "-.inf", "+.inf", ".nan", "=", "<<", "-", "?", ":",
    };

    /// <summary>The value of a plain scalar; null is the null value.</summary>
    /// <exception cref="FormatException">Infinity and not-a-number, which JSON, and so Kubernetes, cannot hold.</exception>
    public static JsonNode? Resolve(string text)
    {
        switch (text)
        {
            case "" or "~" or "null" or "Null" or "NULL":
                return null;
            case "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON":
                return JsonValue.Create(true);
            case "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF":
                return JsonValue.Create(false);
        }

        if (!char.IsAsciiDigit(text[0]) && text[0] is not ('-' or '+' or '.')) return JsonValue.Create(text);
        return Number(text) ?? JsonValue.Create(text);
    }

    /// <summary>A number with the spelling kept where JSON has the same one; null when the text is none.</summary>
    public static JsonNode? Number(string text)
    {
        if (JsonNumber().IsMatch(text)) return Raw(text);
        if (Infinity().IsMatch(text)) throw new FormatException($"{text} is no value that Kubernetes can hold");
        var digits = text.Replace("_", "", StringComparison.Ordinal);
        var negative = digits.StartsWith('-');
        var bare = digits.TrimStart('-', '+');
        if (digits.Length - bare.Length > 1 || bare.Length == 0 || text.StartsWith('_')) return null;
        var whole = Octal().IsMatch(bare) ? Whole(bare, 8, bare[1] is 'o' or 'O' ? 2 : 1)
            : Hex().IsMatch(bare) ? Whole(bare, 16, 2)
            : Binary().IsMatch(bare) ? Whole(bare, 2, 2)
            : null;
        if (whole is not null) return Raw(negative && whole != "0" ? "-" + whole : whole);
        if (Decimal().IsMatch(bare) && ulong.TryParse(bare, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            return Raw((negative ? "-" : "") + number.ToString(CultureInfo.InvariantCulture));
        return Float().IsMatch(bare) && double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) && double.IsFinite(real)
            ? JsonValue.Create(real)
            : null;
    }

    /// <summary>Whether no reader of YAML takes the plain text for anything but this string, inside block collections.</summary>
    public static bool IsPlain(string text)
    {
        if (Words.Contains(text) || !PlainCharacters().IsMatch(text)) return false;
        if (text.Contains(": ", StringComparison.Ordinal) || text.Contains(" #", StringComparison.Ordinal) || text[^1] is ':' or ' ') return false;
        if (text.StartsWith("---", StringComparison.Ordinal)) return false;
        // Quantities and durations may be plain; what else begins like a number might be one to somebody.
        if (char.IsAsciiDigit(text[0])) return Quantity().IsMatch(text);
        return text[0] is not ('-' or '.' or '+') || FlagLike().IsMatch(text);
    }

    private static string? Whole(string text, int radix, int skip)
    {
        try
        {
            return Convert.ToUInt64(text[skip..], radix).ToString(CultureInfo.InvariantCulture);
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    internal static JsonNode Raw(string number)
    {
        using var parsed = JsonDocument.Parse(number);
        return JsonValue.Create(parsed.RootElement.Clone())!;
    }

    [GeneratedRegex(@"^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\z")]
    private static partial Regex JsonNumber();

    [GeneratedRegex(@"^[-+]?\.(inf|Inf|INF)\z|^\.(nan|NaN|NAN)\z")]
    private static partial Regex Infinity();

    [GeneratedRegex(@"^0[oO]?[0-7]+\z")]
    private static partial Regex Octal();

    [GeneratedRegex(@"^0[xX][0-9a-fA-F]+\z")]
    private static partial Regex Hex();

    [GeneratedRegex(@"^0[bB][01]+\z")]
    private static partial Regex Binary();

    [GeneratedRegex(@"^[0-9]+\z")]
    private static partial Regex Decimal();

    [GeneratedRegex(@"^(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\z")]
    private static partial Regex Float();

    [GeneratedRegex(@"^[A-Za-z0-9_/$(.+-][A-Za-z0-9_/$(). :@=+,;<>~^*%&?!#'""{}\[\]|\\-]*\z")]
    private static partial Regex PlainCharacters();

    [GeneratedRegex(@"^[0-9]+(\.[0-9]+)?(ms|m|s|h|d|Ki|Mi|Gi|Ti|k|M|G|T|%)\z")]
    private static partial Regex Quantity();

    [GeneratedRegex(@"^(--?[A-Za-z]|\.{0,2}/)")]
    private static partial Regex FlagLike();
}
