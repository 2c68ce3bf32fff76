using DrainProxy.Decisions.Framing;
using DrainProxy.Decisions.Pressure.Admission;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of a rule of who goes first.</summary>
internal static class Priorities
{
    public const string Forms = "critical:/PATH, normal:/PATH, sheddable:/PATH (* stands for anything), or header:NAME (a field that holds one of the three words)";

    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^((critical|normal|sheddable):[/*][^\s?#]*|header:[A-Za-z0-9!#$%&'*+.^_`|~-]+)$";

    /// <summary>Adds the rule; null, or what is wrong.</summary>
    public static string? Parse(string text, List<PriorityRule> rules)
    {
        var colon = text.IndexOf(':');
        if (colon < 0) return "not a rule";
        var (word, value) = (text[..colon], text[(colon + 1)..]);
        if (word == "header")
        {
            if (!FieldChars.IsName(value)) return "not the name of a field";
            rules.Add(new(Priority.Normal, null, value));
            return null;
        }

        if (word is not ("critical" or "normal" or "sheddable")) return "not a priority";
        if (value.Length == 0 || value[0] is not ('/' or '*')) return "the path does not start with / or *";
        if (value.Any(c => c is <= ' ' or >= '\x7f' or '?' or '#')) return "holds a character that a path in a request line cannot";
        rules.Add(new(PriorityRule.Word(word)!.Value, value, null));
        return null;
    }
}
