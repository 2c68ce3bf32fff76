using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>
/// Values as YAML in block style, the same bytes for the same values. A string that any reader, of YAML 1.1 or 1.2, could take for something else
/// is quoted.
/// </summary>
public static class YamlWriter
{
    private const int Step = 2;

    /// <summary>The document with a line feed at its end.</summary>
    public static string Write(JsonNode? node)
    {
        var text = new StringBuilder();
        if (node is JsonObject { Count: > 0 } members) Members(text, members, 0);
        else if (node is JsonArray { Count: > 0 } items) Items(text, items, 0);
        else text.Append(Inline(node)).Append('\n');
        return text.ToString();
    }

    private static void Members(StringBuilder text, JsonObject members, int indent, bool firstIsIndented = false)
    {
        foreach (var (key, value) in members)
        {
            if (!firstIsIndented) text.Append(' ', indent);
            firstIsIndented = false;
            text.Append(Scalars.IsPlain(key) ? key : Quoted(key)).Append(':');
            if (value is JsonObject { Count: > 0 } inner)
            {
                text.Append('\n');
                Members(text, inner, indent + Step);
            }
            else if (value is JsonArray { Count: > 0 } items)
            {
                text.Append('\n');
                Items(text, items, indent + Step);
            }
            else
            {
                Scalar(text, value, indent);
            }
        }
    }

    private static void Items(StringBuilder text, JsonArray items, int indent)
    {
        foreach (var item in items)
        {
            text.Append(' ', indent).Append('-');
            if (item is JsonObject { Count: > 0 } members)
            {
                text.Append(' ');
                Members(text, members, indent + Step, firstIsIndented: true);
            }
            else if (item is JsonArray { Count: > 0 } inner)
            {
                text.Append('\n');
                Items(text, inner, indent + Step);
            }
            else
            {
                Scalar(text, item, indent);
            }
        }
    }

    private static void Scalar(StringBuilder text, JsonNode? value, int indent)
    {
        text.Append(' ');
        if (value.AsText() is not { } lines || !IsBlock(lines))
        {
            text.Append(Inline(value)).Append('\n');
            return;
        }

        text.Append(lines.EndsWith('\n') ? "|\n" : "|-\n");
        foreach (var line in lines.TrimEnd('\n').Split('\n'))
        {
            if (line.Length > 0) text.Append(' ', indent + Step).Append(line);
            text.Append('\n');
        }
    }

    private static string Inline(JsonNode? value) => value switch
    {
        JsonObject => "{}",
        JsonArray => "[]",
        null => "null",
        _ when value.AsText() is { } text => Scalars.IsPlain(text) ? text : Quoted(text),
        _ => value.ToJsonString(),
    };

    /// <summary>Whether a string of several lines can be a literal block: nothing that a block or an editor would change.</summary>
    private static bool IsBlock(string text)
    {
        if (!text.Contains('\n', StringComparison.Ordinal) || text[0] is ' ' or '\n' or '\t' || text.EndsWith("\n\n", StringComparison.Ordinal)) return false;
        if (!text.All(c => c is '\n' or '\t' or (>= ' ' and < (char)0x7f) or (>= (char)0xa1 and < (char)0xd800 and not '\u2028' and not '\u2029'))) return false;
        return text.Split('\n').All(line => line.Length == 0 || line[^1] is not (' ' or '\t'));
    }

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"", text.Length + 8);
        foreach (var c in text)
        {
            _ = c switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\t' => quoted.Append("\\t"),
                '\r' => quoted.Append("\\r"),
                < ' ' or (>= (char)0x7f and <= (char)0xa0) or '\u2028' or '\u2029' or '\ufeff' or '\ufffe' or '\uffff' =>
                    quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => quoted.Append(c),
            };
        }

        return quoted.Append('"').ToString();
    }
}
