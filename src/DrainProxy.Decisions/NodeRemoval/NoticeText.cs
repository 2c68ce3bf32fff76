using System.Globalization;
using System.Text.Json;

namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>Reads JSON and times of metadata services; what is not there or no such thing is null.</summary>
internal static class NoticeText
{
    /// <summary>Deeper than any of the documents; a bound against stack use.</summary>
    private static readonly JsonDocumentOptions Bounded = new() { MaxDepth = 16 };

    public static JsonDocument? Json(string body)
    {
        try
        {
            return JsonDocument.Parse(body, Bounded);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public static string? Text(JsonElement element, string name)
    {
        try
        {
            return element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
                ? value.GetString()
                : null;
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, escaped: valid JSON and no text.
            return null;
        }
    }

    /// <summary>RFC 3339 (AWS, generic) or the fixed form of RFC 9110 section 5.6.7 (Azure: `Mon, 19 Sep 2016 18:29:47 GMT`).</summary>
    public static DateTimeOffset? Time(string? text)
    {
        const DateTimeStyles Utc = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        string[] forms = ["r", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];
        return DateTimeOffset.TryParseExact(text?.Trim(), forms, CultureInfo.InvariantCulture, Utc, out var time) ? time : null;
    }
}
