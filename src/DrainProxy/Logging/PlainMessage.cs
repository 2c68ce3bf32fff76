using System.Globalization;
using System.Text;
using Serilog.Events;
using Serilog.Parsing;

namespace DrainProxy.Logging;

/// <summary>The message with its values put in, strings without quotes: what a person reads. Serilog's own rendering quotes every string.</summary>
internal static class PlainMessage
{
    public static string Render(LogEvent logEvent)
    {
        var text = new StringBuilder();
        foreach (var token in logEvent.MessageTemplate.Tokens)
        {
            if (token is TextToken plain)
                text.Append(plain.Text);
            else if (token is PropertyToken property && logEvent.Properties.TryGetValue(property.PropertyName, out var value))
                text.Append(value is ScalarValue scalar ? Text(scalar.Value, property.Format) : value.ToString());
            else
                text.Append(token);
        }

        return text.ToString();
    }

    public static string Text(object? value, string? format = null) => value switch
    {
        null => "null",
        string text => text,
        IFormattable formattable => formattable.ToString(format, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
