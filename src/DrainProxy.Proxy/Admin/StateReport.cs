using System.Buffers;
using System.Text.Json;
using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Admission;
using DrainProxy.Proxy.Draining;
using DrainProxy.Proxy.Forwarding;
using DrainProxy.Proxy.Forwarding.Streams;
using DrainProxy.Proxy.Listening;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Supervision;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admin;

/// <summary>`/state`: what the process knows of itself, as JSON.</summary>
internal sealed class StateReport(
    Lifecycle lifecycle, DrainPlan plan, ProxyCounters counters, ConnectionRegistry connections, StreamRegistry streams,
    IReadOnlyList<AppTarget> targets, ExchangeAccounts accounts, PressureSampler pressure, BlackBox blackBox, AdmissionGate gate, LeakWatch? leaks, OwnMemory own, IReadOnlyList<string> listeners)
{
    /// <summary>The report of the last termination, once there is one; with `--after-drain stay` it can be read here.</summary>
    public string? LastTermination { get; set; }

    public ReadOnlyMemory<byte> Write()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer);
        var state = lifecycle.State;
        json.WriteStartObject();
        json.WriteString("phase", state.Phase.ToString().ToLowerInvariant());
        json.WriteString("since", lifecycle.StartedAtUtc + state.Since);
        json.WriteNumber("since_s", Seconds(lifecycle.Now - state.Since));
        if (state.Trigger is { } trigger) json.WriteString("trigger", TerminationReport.TriggerName(trigger));
        WritePlan(json);
        json.WriteNumber("in_flight", counters.InFlight);
        json.WriteNumber("held", counters.Held);
        json.WriteNumber("kept_body_bytes", KeptBody.InAll);
        json.WriteNumber("streams", streams.Count);
        json.WriteNumber("longest_request_s", Seconds(accounts.Longest));
        var (active, idle) = connections.CountByState();
        json.WriteStartObject("connections");
        json.WriteNumber("active", active);
        json.WriteNumber("idle", idle);
        json.WriteNumber("upstream", counters.ConnectionsOpen(Side.Upstream));
        json.WriteEndObject();
        WriteApps(json);
        PressureState.Write(json, pressure, blackBox);
        PressureState.WriteOwn(json, own);
        PressureState.WriteSockets(json, pressure);
        PressureState.WriteKills(json, blackBox, lifecycle.StartedAtUtc);
        AdmissionState.Write(json, gate, counters);
        RecycleState.Write(json, leaks, lifecycle.StartedAtUtc);
        json.WritePropertyName("last_termination");
        if (LastTermination is { } report) json.WriteRawValue(report);
        else json.WriteNullValue();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }

    private void WritePlan(Utf8JsonWriter json)
    {
        json.WriteStartObject("plan");
        json.WriteNumber("grace_s", Seconds(plan.Grace));
        json.WriteNumber("announce_delay_s", Seconds(plan.AnnounceDelay));
        json.WriteNumber("linger_s", Seconds(plan.Linger));
        json.WriteNumber("quiet_s", Seconds(plan.Quiet));
        json.WriteNumber("drain_timeout_s", Seconds(plan.DrainTimeout));
        json.WriteNumber("closing_s", Seconds(plan.Closing));
        json.WriteNumber("app_stop_s", Seconds(plan.AppStop));
        json.WriteEndObject();
    }

    private void WriteApps(Utf8JsonWriter json)
    {
        json.WriteStartArray("apps");
        for (var i = 0; i < targets.Count; i++)
        {
            json.WriteStartObject();
            json.WriteString("listen", listeners[i]);
            json.WriteString("app", targets[i].Current.Address.ToString());
            json.WriteString("state", targets[i].Monitor.IsUp ? "up" : "down");
            json.WriteNumber("idle_timeout_s", Seconds(targets[i].Current.Pool.Idle));
            json.WriteBoolean("idle_timeout_known", targets[i].Current.Pool.Known);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 3);
}
