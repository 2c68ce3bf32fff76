using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace DrainProxy.Kubernetes.Manifests;

/// <summary>JSON documents, one after the other, with the line of each value.</summary>
internal ref struct JsonReader
{
    private readonly string file;
    private readonly ManifestLimits limits;
    private readonly byte[] bytes;
    private Utf8JsonReader reader;
    private int countedTo;
    private int line;
    private int nodes;

    private JsonReader(string file, byte[] bytes, ManifestLimits limits)
    {
        this.file = file;
        this.limits = limits;
        this.bytes = bytes;
        line = 1;
        reader = new(bytes, new JsonReaderOptions { MaxDepth = limits.Depth, AllowMultipleValues = true });
    }

    public static List<(JsonNode Node, LineTree Lines)> Read(string file, string text, ManifestLimits limits)
    {
        var json = new JsonReader(file, Encoding.UTF8.GetBytes(text), limits);
        var documents = new List<(JsonNode, LineTree)>();
        try
        {
            while (json.reader.Read())
            {
                var (node, lines) = json.Value();
                if (node is not null) documents.Add((node, lines));
            }
        }
        catch (JsonException e)
        {
            var problem = e.Message.Split(" LineNumber:")[0].TrimEnd('.', ' ');
            throw new ManifestException(file, (int)(e.LineNumber ?? 0) + 1, $"not JSON: {problem}");
        }

        return documents;
    }

    private (JsonNode? Node, LineTree Lines) Value()
    {
        var at = Line();
        if (++nodes > limits.Nodes) throw new ManifestException(file, at, $"more than {limits.Nodes} values");
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                return Members(at);
            case JsonTokenType.StartArray:
                var (items, lines) = (new JsonArray(), new LineTree(at) { Items = [] });
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    var item = Value();
                    items.Add(item.Node);
                    lines.Items.Add(item.Lines);
                }

                return (items, lines);
            case JsonTokenType.String:
                return (JsonValue.Create(Text(at)), new LineTree(at));
            case JsonTokenType.Number:
                return (Scalars.Raw(Encoding.UTF8.GetString(reader.ValueSpan)), new LineTree(at));
            case JsonTokenType.True or JsonTokenType.False:
                return (JsonValue.Create(reader.TokenType == JsonTokenType.True), new LineTree(at));
            default:
                return (null, new LineTree(at));
        }
    }

    private (JsonNode? Node, LineTree Lines) Members(int at)
    {
        var (members, lines) = (new JsonObject(), new LineTree(at) { Members = new(StringComparer.Ordinal) });
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var keyLine = Line();
            var key = Text(keyLine);
            reader.Read();
            var value = Value();
            if (!members.TryAdd(key, value.Node)) throw new ManifestException(file, keyLine, $"the key '{key}' comes twice");
            lines.Members[key] = new LineTree(keyLine) { Members = value.Lines.Members, Items = value.Lines.Items };
        }

        return (members, lines);
    }

    private readonly string Text(int at)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw new ManifestException(file, at, "not JSON: half of a surrogate pair");
        }
    }

    private int Line()
    {
        var start = (int)reader.TokenStartIndex;
        line += bytes.AsSpan(countedTo, start - countedTo).Count((byte)'\n');
        countedTo = start;
        return line;
    }
}
