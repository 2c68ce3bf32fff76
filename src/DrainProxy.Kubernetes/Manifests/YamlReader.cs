using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>
/// YAML as Kubernetes means it: values of JSON, with the line of each. Aliases are expanded within a bound, merge keys are merged, a key that
/// comes twice and a tag of nobody's are refused.
/// </summary>
internal sealed partial class YamlReader
{
    private const string MergeKey = "<<";
    private readonly string file;
    private readonly string text;
    private readonly ManifestLimits limits;
    private readonly Scanner scanner;
    private readonly Parser parser;
    private readonly Dictionary<string, (JsonNode? Node, LineTree Lines)> anchors = new(StringComparer.Ordinal);
    private int nodes;

    private YamlReader(string file, string text, ManifestLimits limits)
    {
        this.file = file;
        this.text = text;
        this.limits = limits;
        scanner = new Scanner(new StringReader(text), skipComments: true);
        parser = new Parser(scanner);
    }

    /// <summary>All documents of a file; empty ones are left out.</summary>
    public static List<(JsonNode Node, LineTree Lines)> Read(string file, string text, ManifestLimits limits)
    {
        var reader = new YamlReader(file, Normalized(text), limits);
        try
        {
            return reader.Documents();
        }
        catch (YamlException e)
        {
            // The end is where it went wrong, the start where what went wrong began; of a tab YamlDotNet tells the key before it.
            var line = e.Message.Contains("tab as indentation", StringComparison.Ordinal) ? reader.scanner.CurrentPosition.Line : e.End.Line;
            throw reader.Problem(reader.InText(line), e.Message.Length == 0 ? "not YAML" : "not YAML: " + char.ToLowerInvariant(e.Message[0]) + e.Message[1..].TrimEnd('.'));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException or OverflowException or FormatException)
        {
            // YamlDotNet's scanner gives up on some texts that are no YAML without saying so (seen: a `{` that is never closed).
            throw reader.Problem(reader.InText(reader.scanner.CurrentPosition.Line), "not YAML");
        }
    }

    /// <summary>As kubectl reads it: a last line without its end has one, and each document may begin with the mark that editors on Windows leave.</summary>
    private static string Normalized(string text)
    {
        if (text.Contains('\ufeff', StringComparison.Ordinal)) text = MarkedStart().Replace(text, "$1");
        return text.EndsWith('\n') ? text : text + "\n";
    }

    private int InText(long line) => (int)Math.Clamp(line, 1, text.AsSpan().TrimEnd('\n').Count('\n') + 1);

    private List<(JsonNode Node, LineTree Lines)> Documents()
    {
        var documents = new List<(JsonNode, LineTree)>();
        parser.Consume<StreamStart>();
        while (!parser.Accept<StreamEnd>(out _))
        {
            parser.Consume<DocumentStart>();
            anchors.Clear();
            var (node, lines) = Value(0);
            parser.Consume<DocumentEnd>();
            if (node is not null) documents.Add((node, lines));
        }

        return documents;
    }

    private (JsonNode? Node, LineTree Lines) Value(int depth)
    {
        var line = (int)parser.Current!.Start.Line;
        if (depth > limits.Depth) throw Problem(line, $"nested deeper than {limits.Depth} levels");
        Count(1, line);
        if (parser.TryConsume<AnchorAlias>(out var alias)) return Expand(alias.Value.Value, line, depth);
        if (parser.TryConsume<Scalar>(out var scalar)) return Named(scalar, ScalarValue(scalar, line), new LineTree(line));
        if (parser.TryConsume<SequenceStart>(out var sequence)) return Sequence(sequence, line, depth);
        return Mapping(parser.Consume<MappingStart>(), line, depth);
    }

    private (JsonNode?, LineTree) Sequence(SequenceStart start, int line, int depth)
    {
        RefuseTag(start, "tag:yaml.org,2002:seq", line);
        var (items, lines) = (new JsonArray(), new LineTree(line) { Items = [] });
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            var item = Value(depth + 1);
            items.Add(item.Node);
            lines.Items.Add(item.Lines);
        }

        return Named(start, items, lines);
    }

    private (JsonNode?, LineTree) Mapping(MappingStart start, int line, int depth)
    {
        RefuseTag(start, "tag:yaml.org,2002:map", line);
        var (members, lines) = (new JsonObject(), new LineTree(line) { Members = new(StringComparer.Ordinal) });
        var merges = new List<(JsonNode? Node, LineTree Lines)>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var keyLine = (int)parser.Current!.Start.Line;
            if (!parser.TryConsume<Scalar>(out var key)) throw Problem(keyLine, "a key that is not a plain name");
            var value = Value(depth + 1);
            if (key is { Value: MergeKey, Style: ScalarStyle.Plain })
            {
                merges.Add(value);
                continue;
            }

            if (!members.TryAdd(key.Value, value.Node)) throw Problem(keyLine, $"the key '{key.Value}' comes twice");
            lines.Members[key.Value] = new LineTree(keyLine) { Members = value.Lines.Members, Items = value.Lines.Items };
        }

        foreach (var merge in merges) Merge(merge.Node, merge.Lines, members, lines, line);
        return Named(start, members, lines);
    }

    /// <summary>Own keys win over merged ones, earlier merged ones over later ones.</summary>
    private void Merge(JsonNode? source, LineTree sourceLines, JsonObject members, LineTree lines, int line)
    {
        if (source is JsonArray several)
        {
            for (var i = 0; i < several.Count; i++) Merge(several[i], sourceLines.Items![i], members, lines, line);
            return;
        }

        if (source is not JsonObject merged) throw Problem(line, "the merge key << takes a mapping, or a list of mappings");
        foreach (var (key, value) in merged)
        {
            Count(Size(value), line);
            if (members.TryAdd(key, value?.DeepClone())) lines.Members![key] = sourceLines.Members![key];
        }
    }

    private (JsonNode?, LineTree) Expand(string name, int line, int depth)
    {
        if (!anchors.TryGetValue(name, out var anchored)) throw Problem(line, $"the alias *{name} has no anchor before it");
        Count(Size(anchored.Node), line);
        if (depth + Depth(anchored.Node) > limits.Depth) throw Problem(line, $"nested deeper than {limits.Depth} levels");
        return (anchored.Node?.DeepClone(), anchored.Lines);
    }

    private (JsonNode?, LineTree) Named(NodeEvent start, JsonNode? node, LineTree lines)
    {
        // A copy, since a node of JSON has one parent.
        if (!start.Anchor.IsEmpty) anchors[start.Anchor.Value] = (node?.DeepClone(), lines);
        return (node, lines);
    }

    private JsonNode? ScalarValue(Scalar scalar, int line)
    {
        try
        {
            if (scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific)
                return scalar.Style == ScalarStyle.Plain && scalar.Tag.IsEmpty ? Scalars.Resolve(scalar.Value) : JsonValue.Create(scalar.Value);
            return scalar.Tag.Value switch
            {
                "tag:yaml.org,2002:str" => JsonValue.Create(scalar.Value),
                "tag:yaml.org,2002:null" => null,
                "tag:yaml.org,2002:int" or "tag:yaml.org,2002:float" => Scalars.Number(scalar.Value) ?? throw Problem(line, $"'{scalar.Value}' is no number"),
                "tag:yaml.org,2002:bool" when Scalars.Resolve(scalar.Value) is JsonValue value && value.TryGetValue<bool>(out _) => value,
                _ => throw Problem(line, $"the tag {scalar.Tag.Value} is not known"),
            };
        }
        catch (FormatException e)
        {
            throw Problem(line, e.Message);
        }
    }

    private void RefuseTag(NodeEvent start, string known, int line)
    {
        if (!start.Tag.IsEmpty && !start.Tag.IsNonSpecific && start.Tag.Value != known) throw Problem(line, $"the tag {start.Tag.Value} is not known");
    }

    private void Count(int more, int line)
    {
        nodes += more;
        if (nodes > limits.Nodes) throw Problem(line, $"more than {limits.Nodes} values once aliases are expanded");
    }

    private static int Size(JsonNode? node) => node switch
    {
        JsonObject members => 1 + members.Sum(m => Size(m.Value)),
        JsonArray items => 1 + items.Sum(Size),
        _ => 1,
    };

    private static int Depth(JsonNode? node) => node switch
    {
        JsonObject members => 1 + members.Select(m => Depth(m.Value)).DefaultIfEmpty().Max(),
        JsonArray items => 1 + items.Select(Depth).DefaultIfEmpty().Max(),
        _ => 0,
    };

    private ManifestException Problem(int line, string problem)
    {
        var isTemplate = text.Split('\n').ElementAtOrDefault(line - 1)?.Contains("{{", StringComparison.Ordinal) == true || text.Contains("{{-", StringComparison.Ordinal);
        return new(file, line, isTemplate ? problem + "; this looks like a template: render it first (helm template)" : problem);
    }

    [GeneratedRegex(@"(?<=^|\n)(---[ \t]*\r?\n)\ufeff")]
    private static partial Regex MarkedStart();
}
