using System.Text.Json;

namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>Answers of a URL of the user's own, for providers that are not built in.</summary>
public static class UrlNotices
{
    private static readonly string[] Nothing = ["false", "no", "none", "null", "0", "[]", "{}"];

    /// <summary>
    /// 200 with a body is a notice, unless the body says that there is nothing; 204 and 404 are none. A body that is a time of RFC 3339, or a JSON object with one as `time`, says when.
    /// </summary>
    public static NoticeReading Read(int status, string body)
    {
        if (status is 204 or 404) return NoticeReading.None;
        if (status != 200) return NoticeReading.Status(status);
        var text = body.Trim();
        if (text.Length == 0 || Nothing.Contains(text, StringComparer.OrdinalIgnoreCase)) return NoticeReading.None;
        if (NoticeText.Time(text) is { } time) return NoticeReading.Leaves("notice", time);
        using var json = text[0] == '{' ? NoticeText.Json(text) : null;
        return json is not null
            ? NoticeReading.Leaves("notice", NoticeText.Time(NoticeText.Text(json.RootElement, "time")))
            : NoticeReading.Leaves("notice: " + text);
    }
}
