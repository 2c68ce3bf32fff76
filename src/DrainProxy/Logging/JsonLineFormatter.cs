using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Serilog.Events;
using Serilog.Formatting;

namespace DrainProxy.Logging;

/// <summary>
/// One JSON object on one line: `time`, `level`, `event`, `message`, the properties flat beside them, `exception`. The writer escapes every
/// control character, so nothing from the wire can end a line and begin a forged one.
/// </summary>
internal sealed class JsonLineFormatter : ITextFormatter
{
    private static readonly HashSet<string> Reserved = new(["time", "level", "event", "message", "logger", "exception"], StringComparer.Ordinal);

    // What a log viewer shows is text, not HTML; control characters and the line separators of Unicode stay escaped.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = false };

    public void Format(LogEvent logEvent, TextWriter output)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("time", logEvent.Timestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
            json.WriteString("level", EventFields.LevelName(logEvent.Level));
            if (EventFields.EventName(logEvent) is { } name)
                json.WriteString("event", name);
            json.WriteString("message", PlainMessage.Render(logEvent));
            if (EventFields.CategoryName(logEvent) is { } category)
                json.WriteString("logger", category);
            WriteProperties(json, logEvent);
            if (logEvent.Exception is { } exception)
                json.WriteString("exception", exception.ToString());
            json.WriteEndObject();
        }

        output.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Write('\n');
    }

    private static void WriteProperties(Utf8JsonWriter json, LogEvent logEvent)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, value) in EventFields.Properties(logEvent))
        {
            // A second key of one name would be read as the first one's replacement by some, and refused by others.
            var key = Reserved.Contains(name) ? name + "_" : name;
            while (!seen.Add(key))
                key += "_";
            json.WritePropertyName(key);
            WriteValue(json, value);
        }
    }

    private static void WriteValue(Utf8JsonWriter json, LogEventPropertyValue value)
    {
        switch (value)
        {
            case ScalarValue scalar:
                WriteScalar(json, scalar.Value);
                break;
            case SequenceValue sequence:
                json.WriteStartArray();
                foreach (var element in sequence.Elements)
                    WriteValue(json, element);
                json.WriteEndArray();
                break;
            case StructureValue structure:
                json.WriteStartObject();
                foreach (var property in structure.Properties)
                {
                    json.WritePropertyName(property.Name);
                    WriteValue(json, property.Value);
                }

                json.WriteEndObject();
                break;
            case DictionaryValue dictionary:
                json.WriteStartObject();
                foreach (var (key, element) in dictionary.Elements)
                {
                    json.WritePropertyName(key.Value?.ToString() ?? "null");
                    WriteValue(json, element);
                }

                json.WriteEndObject();
                break;
            default:
                json.WriteStringValue(value.ToString());
                break;
        }
    }

    private static void WriteScalar(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null:
                json.WriteNullValue();
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case int or long or short or byte or uint or ushort or sbyte:
                json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong number:
                json.WriteNumberValue(number);
                break;
            // JSON has no NaN and no infinity: they go as text.
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case float number when float.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            default:
                json.WriteStringValue(PlainMessage.Text(value));
                break;
        }
    }
}
