using System.Globalization;
using Serilog.Events;
using Serilog.Formatting;

namespace DrainProxy.Logging;

/// <summary>
/// For a terminal: time, level, message, the event's name. One event is one line here too; control characters are shown and not sent, since
/// those of a request could otherwise move the cursor of whoever reads along.
/// </summary>
internal sealed class TextLineFormatter : ITextFormatter
{
    public void Format(LogEvent logEvent, TextWriter output)
    {
        output.Write(logEvent.Timestamp.LocalDateTime.ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture));
        output.Write(' ');
        output.Write(EventFields.LevelName(logEvent.Level).PadRight(7));
        output.Write(' ');
        WriteVisible(PlainMessage.Render(logEvent), output);
        if (EventFields.EventName(logEvent) is { } name)
        {
            output.Write(" [");
            WriteVisible(name, output);
            output.Write(']');
        }

        output.Write('\n');
        if (logEvent.Exception is null)
            return;
        foreach (var line in logEvent.Exception.ToString().Split('\n'))
        {
            // Indented, a line of an exception's message cannot pass for one of the log.
            output.Write("    ");
            WriteVisible(line.TrimEnd('\r'), output);
            output.Write('\n');
        }
    }

    private static void WriteVisible(string text, TextWriter output)
    {
        foreach (var c in text)
        {
            if (char.IsControl(c) || c is '\u2028' or '\u2029')
                output.Write(string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"));
            else
                output.Write(c);
        }
    }
}
