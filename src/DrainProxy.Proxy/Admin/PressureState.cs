using System.Text.Json;
using DrainProxy.Decisions.Pressure;
using DrainProxy.Decisions.Pressure.Sensing;
using DrainProxy.Proxy.Pressure;
using DrainProxy.Proxy.Telemetry;

namespace DrainProxy.Proxy.Admin;

/// <summary>What `/state` shows of the app's memory: the sampler's newest snapshot.</summary>
internal static class PressureState
{
    public static void Write(Utf8JsonWriter json, PressureSampler sampler, BlackBox box)
    {
        var snapshot = sampler.Newest;
        var sample = snapshot.Sample;
        json.WriteStartObject("memory");
        json.WriteString("method", sample.Method.ToString().ToLowerInvariant());
        if (sample.Method != MemoryMethod.None)
        {
            json.WriteString("source", snapshot.Source);
            json.WriteNumber("used_bytes", sample.UsedBytes);
            Bounded(json, "limit_bytes", sample, sample.LimitBytes);
            Bounded(json, "headroom_bytes", sample, sample.HeadroomBytes);
            json.WriteNumber("reclaimable_bytes", sample.ReclaimableBytes);
            json.WriteNumber("anon_bytes", snapshot.Memory.AnonBytes);
            json.WriteNumber("shared_bytes", snapshot.Memory.SharedBytes);
            json.WriteNumber("kernel_bytes", snapshot.Memory.KernelBytes);
            json.WriteNumber("socket_bytes", snapshot.Memory.SocketBytes);
            if (snapshot.Charge.ChargedBytes is { } charged) json.WriteNumber("charged_bytes", charged);
            if (snapshot.Charge.ChargedPeakBytes is { } highest) json.WriteNumber("charged_peak_bytes", highest);
            if (snapshot.Charge.Stalls is { } stalls)
            {
                json.WriteNumber("stalled_some_s", Math.Round(stalls.Some.TotalSeconds, 6));
                json.WriteNumber("stalled_full_s", Math.Round(stalls.Full.TotalSeconds, 6));
            }
        }

        json.WriteNumber("oom_kills", box.Kills);
        var (count, each) = sampler.Cost;
        json.WriteNumber("readings", count);
        json.WriteNumber("reading_us", Math.Round(each.TotalMicroseconds, 1));
        json.WriteEndObject();
    }

    /// <summary>Our own memory against our container's limit.</summary>
    public static void WriteOwn(Utf8JsonWriter json, OwnMemory own)
    {
        json.WriteStartObject("own_memory");
        json.WriteNumber("used_bytes", own.UsedBytes);
        if (own.LimitBytes == long.MaxValue) json.WriteNull("limit_bytes");
        else json.WriteNumber("limit_bytes", own.LimitBytes);
        json.WriteBoolean("short", own.IsShort);
        json.WriteEndObject();
    }

    /// <summary>The sockets: what is not zero, by owner; the node's figures under `node`.</summary>
    public static void WriteSockets(Utf8JsonWriter json, PressureSampler sampler)
    {
        var snapshot = sampler.Newest;
        var sockets = snapshot.Sockets;
        json.WriteStartObject("sockets");
        json.WriteNumber("app_accept_queue", snapshot.Sample.AcceptQueue);
        json.WriteNumber("app_accept_queue_limit", snapshot.Sample.AcceptQueueLimit);
        json.WriteNumber("accept_queue", snapshot.OwnAcceptQueue);
        json.WriteNumber("time_wait_to_app", sockets.TimeWaitToApp);
        json.WriteNumber("port_range", sockets.PortRange);
        foreach (var owner in Enum.GetValues<SocketOwner>())
        {
            json.WriteStartObject(SocketInstruments.NameOf(owner));
            foreach (var state in Enum.GetValues<TcpState>())
                if (sockets.Counts?.Of(state, owner) is > 0 and var count) json.WriteNumber(LabelNames.Of(state), count);
            var leak = sockets.LeakOf(owner);
            json.WriteBoolean("leak_suspected", leak.Suspected);
            json.WriteNumber("close_wait_oldest_s", Math.Round(leak.Oldest.TotalSeconds, 1));
            json.WriteEndObject();
        }

        json.WriteNumber("listen_overflows", sockets.Troubles.ListenOverflows);
        json.WriteNumber("listen_drops", sockets.Troubles.ListenDrops);
        json.WriteNumber("syn_queue_full", sockets.Troubles.SynQueueFull);
        json.WriteNumber("tcp_memory_pressures", sockets.Troubles.MemoryPressures);
        json.WriteNumber("tcp_aborts_on_memory", sockets.Troubles.AbortsOnMemory);
        json.WriteNumber("retransmits", sockets.Troubles.Retransmits);
        json.WriteStartObject("node");
        json.WriteNumber("orphans", sockets.Node.Orphans);
        json.WriteNumber("allocated", sockets.Node.Allocated);
        json.WriteNumber("tcp_memory_bytes", sockets.Node.MemoryPages * Environment.SystemPageSize);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The last visits of the OOM killer, without their curves: those are in the log.</summary>
    public static void WriteKills(Utf8JsonWriter json, BlackBox box, DateTimeOffset startedAt)
    {
        json.WriteStartArray("last_oom_kills");
        foreach (var incident in box.Last)
        {
            json.WriteStartObject();
            json.WriteString("at", startedAt + incident.At);
            json.WriteNumber("kills", incident.Kills);
            json.WriteString("evidence", LabelNames.Of(incident.Evidence));
            if (incident.Culprit is { } culprit)
            {
                json.WriteStartObject("culprit");
                json.WriteString("route", culprit.Route);
                json.WriteNumber("share", Math.Round(culprit.Share, 2));
                json.WriteEndObject();
            }
            else
            {
                json.WriteNull("culprit");
            }

            json.WriteNumber("in_flight", incident.InFlight.Count);
            json.WriteString("advice", incident.Advice);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Bounded(Utf8JsonWriter json, string name, in PressureSample sample, long value)
    {
        if (sample.LimitBytes == long.MaxValue) json.WriteNull(name);
        else json.WriteNumber(name, value);
    }
}
