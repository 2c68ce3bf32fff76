using System.Text.Json;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admin;

/// <summary>What `/state` shows of recycling: null while it is off, else the last decision, what it went by, and the last recycling.</summary>
internal static class RecycleState
{
    public static void Write(Utf8JsonWriter json, LeakWatch? leaks, DateTimeOffset startedAt)
    {
        if (leaks is null)
        {
            json.WriteNull("recycle");
            return;
        }

        var view = leaks.View;
        json.WriteStartObject("recycle");
        json.WriteString("verdict", LabelNames.Of(view.Verdict));
        json.WriteString("app", leaks.Reach is { } reach ? LabelNames.Of(reach) : "unknown");
        json.WriteNumber("threshold_bytes", (long)view.ThresholdBytes);
        if (view.StartBytes is { } start) json.WriteNumber("start_bytes", (long)start);
        else json.WriteNull("start_bytes");
        json.WriteNumber("lowest_bytes", (long)view.LowestBytes);
        json.WriteBoolean("climbs", view.Climbs);
        json.WritePropertyName("last");
        WriteLast(json, view.Last, startedAt);
        json.WriteEndObject();
    }

    private static void WriteLast(Utf8JsonWriter json, PastRecycling? last, DateTimeOffset startedAt)
    {
        if (last is null)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        json.WriteString("at", startedAt + last.At);
        json.WriteString("reason", LabelNames.Of(last.Why));
        json.WriteString("result", LabelNames.Of(last.How));
        json.WriteNumber("process", last.Process);
        json.WriteNumber("used_bytes", last.UsedBytes);
        json.WriteEndObject();
    }
}
