using System.Text;
using Serilog.Events;

namespace DrainProxy.Logging;

/// <summary>The parts of an event by the names that both formatters show.</summary>
internal static class EventFields
{
    private const string EventId = "EventId";
    private const string Category = "SourceContext";

    public static string LevelName(LogEventLevel level) => level switch
    {
        LogEventLevel.Verbose => "trace",
        LogEventLevel.Debug => "debug",
        LogEventLevel.Information => "info",
        LogEventLevel.Warning => "warning",
        LogEventLevel.Error => "error",
        _ => "critical",
    };

    /// <summary>The event's name, by which alerts find it; null when it has none.</summary>
    public static string? EventName(LogEvent logEvent) =>
        logEvent.Properties.TryGetValue(EventId, out var id) && id is StructureValue structure
            ? structure.Properties.FirstOrDefault(p => p.Name == "Name")?.Value is ScalarValue { Value: string name } ? name : null
            : null;

    public static string? CategoryName(LogEvent logEvent) =>
        logEvent.Properties.TryGetValue(Category, out var value) && value is ScalarValue { Value: string name } ? name : null;

    /// <summary>The event's own properties, in the form of metric and report fields: `InFlight` is `in_flight`.</summary>
    public static IEnumerable<(string Name, LogEventPropertyValue Value)> Properties(LogEvent logEvent) =>
        logEvent.Properties.Where(p => p.Key is not (EventId or Category)).Select(p => (SnakeCase(p.Key), p.Value));

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            var startsWord = char.IsAsciiLetterUpper(name[i]) && i > 0
                && (!char.IsAsciiLetterUpper(name[i - 1]) || (i + 1 < name.Length && char.IsAsciiLetterLower(name[i + 1])));
            if (startsWord && name[i - 1] != '_')
                text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }

        return text.ToString();
    }
}
