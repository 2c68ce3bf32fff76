using System.Text.Json;
using DrainProxy.Decisions.Pressure.Admission;
using DrainProxy.Decisions.Pressure.Costs;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admin;

/// <summary>What `/state` shows of admission: the ladder, the lanes, what routes take, and what follows from it for the app's size.</summary>
internal static class AdmissionState
{
    private const int MaxRoutes = 20;

    public static void Write(Utf8JsonWriter json, AdmissionGate gate, ProxyCounters counters)
    {
        json.WriteStartObject("queued");
        json.WriteNumber("light", counters.Queued(Lane.Light));
        json.WriteNumber("heavy", counters.Queued(Lane.Heavy));
        json.WriteEndObject();
        json.WriteStartObject("admission");
        gate.Read(control =>
        {
            WriteControl(json, control);
            return 0;
        });
        WriteRoutes(json, gate.Routes.All);
        json.WriteEndObject();
    }

    private static void WriteControl(Utf8JsonWriter json, AdmissionControl control)
    {
        var (step, since) = control.Ladder;
        json.WriteString("step", LabelNames.Of(step));
        json.WriteNumber("step_since_s", Math.Round((control.Last.At - since).TotalSeconds, 3));
        json.WriteBoolean("by_memory", control.HasMemory);
        if (!control.HasMemory) return;
        if (control.TimeToOom == TimeSpan.MaxValue) json.WriteNull("time_to_oom_s");
        else json.WriteNumber("time_to_oom_s", Math.Round(control.TimeToOom.TotalSeconds, 3));
        json.WriteNumber("admit_up_to_bytes", (long)control.TopBytes);
        json.WriteNumber("baseline_bytes", (long)control.BaselineBytes);
        json.WriteNumber("heavy_in_flight", control.Heavy.Running.Count);
        json.WriteNumber("heavy_fits", control.Heavy.Plateau.Fits);
        json.WriteNumber("heavy_highest_bytes", (long)control.Heavy.Plateau.HighestBytes);
    }

    private static void WriteRoutes(Utf8JsonWriter json, IReadOnlyList<RouteClass> routes)
    {
        json.WriteStartArray("routes");
        foreach (var route in routes.Where(r => r.Started > 0).OrderByDescending(r => r.PeakBytes).ThenByDescending(r => r.Started).Take(MaxRoutes))
        {
            json.WriteStartObject();
            json.WriteString("route", route.Name);
            json.WriteString("kind", LabelNames.Of(route.Kind));
            json.WriteNumber("requests", route.Completed);
            json.WriteNumber("in_flight", route.InFlight);
            json.WriteNumber("peak_bytes", (long)route.PeakBytes);
            json.WriteNumber("repeat_peak_bytes", (long)route.RepeatPeakBytes);
            json.WriteNumber("held_bytes", (long)Math.Min(route.HeldBytes, route.PeakBytes));
            json.WriteNumber("seconds", Math.Round(route.Seconds, 4));
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
