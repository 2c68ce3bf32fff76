using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>How an exchange may end; a case lists one or several.</summary>
internal enum Ending
{
    /// <summary>Our own refusal, then the end of the connection; the app has seen no byte of it.</summary>
    Refused,

    /// <summary>As <see cref="Refused"/>, but the fault stands behind the head: the app may have seen the start, never a whole request.</summary>
    RefusedLate,

    /// <summary>The app has seen the request, its answer has come, and the connection goes on.</summary>
    Passed,

    /// <summary>The app has seen the request, its answer has come, and the connection has ended; nothing behind it was handled.</summary>
    PassedClose,

    /// <summary>The app has seen the good requests and their answers have come; the bytes behind them got our refusal and the end.</summary>
    PassedThenRefused,

    /// <summary>We answered; the app has seen nothing; the connection goes on.</summary>
    Own,

    /// <summary>The app has seen the request; the client got our own error instead of its answer.</summary>
    BadAnswer,

    /// <summary>The app's answer has begun and has ended early, so that the client can tell.</summary>
    Cut,

    /// <summary>The client has left before its request was whole; the app has never seen a whole one.</summary>
    Unfinished,
}

internal sealed record Expectation(Ending Ending, int[] Statuses);

/// <summary>One raw message with the rule it stands for and what has to come of it. Bytes are kept as Latin-1 text.</summary>
internal sealed class WireCase
{
    private readonly Dictionary<string, List<string>> lines = [];

    private string? scripted;

    private WireCase(string name, string file) => (Name, File) = (name, file);

    public string Name { get; }

    public string File { get; }

    /// <summary>The section it follows from, as `9112 5.1`.</summary>
    public string Rule => Single("rule").Split(';')[0];

    /// <summary>Rows of the table in docs/http.md.</summary>
    public int[] Rows => [.. Regex.Matches(Single("rule"), @"row (\d+)").Select(m => int.Parse(m.Groups[1].Value))];

    public string Send => lines.ContainsKey("send") ? Bytes("send") : "GET /r HTTP/1.1\r\nHost: a.test\r\n\r\n";

    /// <summary>What the app answers to the first request; null: the default answer.</summary>
    public string? AppSends => scripted is not null ? scripted : lines.ContainsKey("app-sends") ? Bytes("app-sends") : null;

    /// <summary>The app answers as soon as it has the head.</summary>
    public bool AppIsEarly => Tags.Contains("early");

    /// <summary>No second request behind this one: its bytes would belong to it, or the connection changes its protocol.</summary>
    public bool Alone => Tags.Contains("alone");

    public int Requests => lines.ContainsKey("requests") ? int.Parse(Single("requests")) : 1;

    public IReadOnlyList<Expectation> Expectations => [.. Single("expect").Split('|').Select(Parse)];

    private HashSet<string> Tags => lines.TryGetValue("tags", out var tags) ? [.. tags[0].Split(' ')] : [];

    /// <summary>All values of a key, decoded.</summary>
    public IEnumerable<string> All(string key) => lines.TryGetValue(key, out var values) ? values.Select(Decode) : [];

    public override string ToString() => Name;

    /// <summary>A case that is only what the app answers.</summary>
    public static WireCase Scripted(string answer) => new("scripted", "") { scripted = answer };

    /// <summary>Reads one file: `== name` begins a case, `key: value` lines follow, `#` is a comment; several `send` lines are joined.</summary>
    public static IEnumerable<WireCase> Read(string file)
    {
        WireCase? current = null;
        foreach (var line in System.IO.File.ReadLines(file))
        {
            if (line.Length == 0 || line[0] == '#') continue;
            if (line.StartsWith("== ", StringComparison.Ordinal))
            {
                if (current is not null) yield return current;
                current = new(line[3..], Path.GetFileNameWithoutExtension(file));
                continue;
            }

            var colon = line.IndexOf(": ", StringComparison.Ordinal);
            Assert.True(colon > 0 && current is not null, $"{file}: {line}");
            var key = line[..colon];
            if (!Keys.Contains(key)) Assert.Fail($"{file}: unknown key {key}");
            if (!current!.lines.TryGetValue(key, out var values)) current.lines[key] = values = [];
            values.Add(line[(colon + 2)..]);
        }

        if (current is not null) yield return current;
    }

    /// <summary>Escapes: \r \n \t \\ \xNN, and \{text*times}.</summary>
    public static string Decode(string text) => Regex.Replace(text, @"\\(r|n|t|\\|x([0-9A-Fa-f]{2})|\{((?:[^\\*]|\\x[0-9A-F]{2}|\\[rn])+)\*(\d+)\})", m => m.Value[1] switch
    {
        'r' => "\r",
        'n' => "\n",
        't' => "\t",
        '\\' => "\\",
        'x' => ((char)byte.Parse(m.Groups[2].Value, NumberStyles.HexNumber)).ToString(),
        _ => new StringBuilder().Insert(0, Decode(m.Groups[3].Value), int.Parse(m.Groups[4].Value)).ToString(),
    });

    /// <summary>Bytes in a form to read.</summary>
    public static string Show(string bytes)
    {
        var text = new StringBuilder();
        foreach (var c in bytes.Length > 3000 ? bytes[..3000] + "..." : bytes)
        {
            if (c == '\n') text.Append("\\n\n      ");
            else if (c == '\r') text.Append("\\r");
            else if (c is < ' ' or > '~') text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:X2}");
            else text.Append(c);
        }

        return text.ToString();
    }

    private static readonly HashSet<string> Keys =
    [
        "rule", "send", "expect", "tags", "requests", "app-sends", "app-line", "app-has", "app-list", "app-lacks", "app-body", "app-trailer", "app-no-trailer",
        "answer-line", "answer-has", "answer-list", "answer-lacks", "answer-body", "answer-trailer", "answer-no-trailer", "interim", "no-interim", "answer-raw-lacks",
    ];

    private static Expectation Parse(string text)
    {
        var words = text.Trim().Split(' ');
        return new(
            Enum.Parse<Ending>(words[0].Replace("-", "", StringComparison.Ordinal), ignoreCase: true),
            words.Length > 1 ? [.. words[1].Split(',').Select(int.Parse)] : []);
    }

    private string Bytes(string key) => Decode(string.Concat(lines[key]));

    private string Single(string key) => lines.TryGetValue(key, out var values) ? values[0] : throw new InvalidDataException($"{File}, {Name}: no {key}");
}
