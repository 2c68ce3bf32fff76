using System.Text;
using System.Text.Json;

namespace DrainProxy.Proxy.Settings;

/// <summary>
/// Reads the flat JSON of `--config`. A token reader instead of a document, since a document neither tells lines nor notices a key that
/// stands twice, and the second one silently winning is how a setting gets lost.
/// </summary>
internal sealed class ConfigFile
{
    private const int LargestFile = 1 << 20;

    /// <summary>A pipe whose writer does not come is told as such, instead of a start that hangs.</summary>
    private static readonly TimeSpan ReadAtMost = TimeSpan.FromSeconds(10);

    private static ReadOnlySpan<byte> Blanks => " \t\r\n"u8;

    private readonly string path;
    private readonly byte[] bytes;
    private readonly List<SettingError> errors;
    private readonly Dictionary<string, RawSetting> settings = new(StringComparer.Ordinal);

    private ConfigFile(string path, byte[] bytes, List<SettingError> errors)
    {
        this.path = path;
        this.bytes = bytes;
        this.errors = errors;
    }

    /// <summary>The settings found, by name; what is wrong goes to <paramref name="errors"/>.</summary>
    /// <param name="givenBy">Who named the file, for the error that it cannot be read.</param>
    public static Dictionary<string, RawSetting> Read(string path, string givenBy, List<SettingError> errors)
    {
        byte[] bytes;
        try
        {
            var reading = Task.Run(() => Load(path));
            if (Task.WaitAny([reading], ReadAtMost) < 0)
                return Fail("a pipe to which nobody writes");
            bytes = reading.GetAwaiter().GetResult();
            if (bytes.Length > LargestFile)
                return Fail("the file is larger than 1Mi");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return Fail(FileProblem.Of(path, e));
        }

        var file = new ConfigFile(path, bytes.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes, errors);
        file.ReadObject();
        return file.settings;

        Dictionary<string, RawSetting> Fail(string problem)
        {
            errors.Add(new(OptionsTable.ConfigName, givenBy, path, problem, OptionsTable.Find(OptionsTable.ConfigName)!.Range));
            return [];
        }
    }

    private static byte[] Load(string path)
    {
        using var stream = File.OpenRead(path);
        // A device or pipe has no end; a settings file has one within a megabyte.
        var buffer = new byte[LargestFile + 1];
        return buffer[..stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false)];
    }

    private void ReadObject()
    {
        if (bytes.AsSpan().Trim(Blanks).IsEmpty)
        {
            Error(OptionsTable.ConfigName, 0, null, "the file is empty", "{ \"option\": value, … }");
            return;
        }

        var reader = new Utf8JsonReader(bytes);
        try
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                Error(OptionsTable.ConfigName, reader.TokenStartIndex, null, "the file's root is not an object", "{ \"option\": value, … }");
                return;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
                ReadSetting(ref reader);

            // Reads the end, and finds what stands behind it.
            reader.Read();
        }
        catch (JsonException e)
        {
            var where = $"file {path} line {e.LineNumber + 1}, column {e.BytePositionInLine + 1}";
            errors.Add(new(OptionsTable.ConfigName, where, null, $"not JSON: {Syntax(e)}", "{ \"option\": value, … }"));
        }
        catch (InvalidOperationException)
        {
            // The reader is lazy about text: bytes that are no UTF-8 show only when a string is taken out.
            Error(OptionsTable.ConfigName, reader.TokenStartIndex, null, "not JSON: invalid text in a string", "UTF-8");
        }
    }

    private void ReadSetting(ref Utf8JsonReader reader)
    {
        var at = reader.TokenStartIndex;
        var name = reader.GetString()!;
        reader.Read();

        var row = name == OptionsTable.ConfigName ? null : OptionsTable.Find(name);
        if (row is null)
        {
            reader.Skip();
            Error(name, at, null, "unknown key", "the option names of `drainproxy run --help` without dashes, but for config");
            return;
        }

        if (settings.ContainsKey(name))
        {
            reader.Skip();
            Error(name, at, null, "the key stands there twice", "each key once");
            return;
        }

        var values = ReadValues(ref reader, row);
        if (values is not null)
            settings[name] = new(values, Where(at));
    }

    /// <summary>The texts of one value, as the other sources would have given them; null when it has the wrong type.</summary>
    private List<string>? ReadValues(ref Utf8JsonReader reader, OptionRow row)
    {
        if (!row.Repeatable)
            return ReadValue(ref reader, row) is { } single ? [single] : null;

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            Error(row.Name, reader.TokenStartIndex, Raw(ref reader), "not an array", $"an array of {row.Range}");
            reader.Skip();
            return null;
        }

        List<string>? values = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            // After a wrong element the rest is still read, for its own mistakes.
            var value = ReadValue(ref reader, row);
            if (value is null)
                values = null;
            else
                values?.Add(value);
        }

        return values;
    }

    private string? ReadValue(ref Utf8JsonReader reader, OptionRow row)
    {
        switch (reader.TokenType, row.Kind)
        {
            case (JsonTokenType.String, _):
                return reader.GetString();
            // 0 has no unit to forget; any other number would.
            case (JsonTokenType.Number, ValueKind.Count or ValueKind.Size or ValueKind.Listen or ValueKind.Admin):
            case (JsonTokenType.Number, ValueKind.Duration) when Raw(ref reader) == "0":
                return Raw(ref reader);
            // Those who think in YAML write off and get false.
            case (JsonTokenType.False, ValueKind.Choice) when row.Choices.Contains("off"):
                return "off";
        }

        var problem = (reader.TokenType, row.Kind) is (JsonTokenType.Number, ValueKind.Duration) ? "a duration needs its unit" : "wrong type";
        Error(row.Name, reader.TokenStartIndex, Raw(ref reader), problem, row.Range);
        reader.Skip();
        return null;
    }

    private int Offset(long line)
    {
        var at = 0;
        for (; line > 0; line--) at += bytes.AsSpan(at).IndexOf((byte)'\n') + 1;
        return at;
    }

    private static string Raw(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.StartObject => "{…}",
        JsonTokenType.StartArray => "[…]",
        JsonTokenType.String => reader.GetString()!,
        _ => Encoding.UTF8.GetString(reader.ValueSpan),
    };

    private void Error(string key, long at, string? value, string problem, string range) => errors.Add(new(key, Where(at), value, problem, range));

    private string Where(long at) => $"file {path} line {bytes.AsSpan(0, (int)at).Count((byte)'\n') + 1}";

    private string Syntax(JsonException e)
    {
        // The common slips in words of the field; the framework's speak of its own options.
        if (e.LineNumber is { } line && e.BytePositionInLine is { } column)
        {
            var at = Offset(line) + (int)column;
            var next = at < bytes.Length ? bytes[at] : (byte)0;
            if (bytes.AsSpan(at).Trim(Blanks).TrimStart((byte)',').IsEmpty) return "the file ends before its object does";
            if (next == '/') return "comments are not allowed";
            if (next is (byte)'}' or (byte)']' && bytes.AsSpan(0, at).TrimEnd(Blanks) is [.., (byte)',']) return "a comma without a value behind it";
        }

        // Its text ends with a position that is already told, and counted from zero.
        var end = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return end < 0 ? e.Message : e.Message[..end];
    }
}
