using System.Text;
using DrainProxy.Decisions.Draining;

namespace DrainProxy.Proxy.Telemetry;

/// <summary>Enum members as the contract writes them in labels and reports: lower case, words joined by `_`.</summary>
internal static class LabelNames
{
    public static string Of<T>(T value)
        where T : struct, Enum
        => value is Trigger.NodeNotice ? "node-notice" : SnakeCase(value.ToString());

    /// <summary>Label `code_class`; class 0 means that no status went out.</summary>
    public static string OfCodeClass(int codeClass) => codeClass == 0 ? "none" : $"{codeClass}xx";

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}
