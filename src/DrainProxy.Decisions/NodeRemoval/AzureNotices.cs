using System.Text.Json;

namespace DrainProxy.Decisions.NodeRemoval;

/// <summary>Answers of Azure's Scheduled Events. <see href="https://learn.microsoft.com/azure/virtual-machines/linux/scheduled-events"/>.</summary>
public static class AzureNotices
{
    private static readonly string[] Leaving = ["Preempt", "Terminate", "Redeploy"];

    /// <summary>
    /// One document tells the events of all machines of a scale set or availability set. Preempt (30 s ahead), Terminate (5 to 15 min) and Redeploy (10 min) of this one take it away; Reboot and Freeze do not.
    /// An event that has started carries no NotBefore; one that is over may be shown for a while and concerns a machine that is back.
    /// </summary>
    /// <param name="status">HTTP status.</param>
    /// <param name="body">The document.</param>
    /// <param name="machine">This machine's name, as `Resources` names it.</param>
    public static NoticeReading ScheduledEvents(int status, string body, string machine)
    {
        if (status != 200) return NoticeReading.Status(status);
        using var json = NoticeText.Json(body);
        if (json is not { RootElement.ValueKind: JsonValueKind.Object } || !json.RootElement.TryGetProperty("Events", out var events) || events.ValueKind != JsonValueKind.Array)
            return NoticeReading.Unanswered("the scheduled events are not understood");

        var hint = NoticeReading.None;
        NoticeReading? first = null;
        foreach (var entry in events.EnumerateArray().Where(e => Concerns(e, machine) && NoticeText.Text(e, "EventStatus") is not ("Completed" or "Canceled")))
        {
            var (type, at) = (NoticeText.Text(entry, "EventType") ?? "", NoticeText.Time(NoticeText.Text(entry, "NotBefore")));
            if (!Leaving.Contains(type, StringComparer.OrdinalIgnoreCase)) hint = NoticeReading.Hint("scheduled event " + type, at);
            else if (first is null || (at ?? DateTimeOffset.MinValue) < (first.Value.At ?? DateTimeOffset.MinValue)) first = NoticeReading.Leaves("scheduled event " + type, at);
        }

        return first ?? hint;
    }

    private static bool Concerns(JsonElement entry, string machine) =>
        entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty("Resources", out var resources) && resources.ValueKind == JsonValueKind.Array
        && resources.EnumerateArray().Any(r => r.ValueKind == JsonValueKind.String && r.ValueEquals(machine));
}
