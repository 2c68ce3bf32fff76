using System.Buffers;
using System.Text;
using System.Text.Json;
using DrainProxy.Decisions.Draining;
using DrainProxy.Proxy.Telemetry;
using Microsoft.Extensions.Logging;

namespace DrainProxy.Proxy.Draining;

/// <summary>What a termination was like, as the contract's one JSON line: what happened when, what was lost, and what would have been enough.</summary>
internal sealed record TerminationReport(
    Trigger Trigger, DateTimeOffset StartedAt, TimeSpan Linger, TimeSpan Drain, TimeSpan Total, TimeSpan T0, TerminationLog Log,
    RecommendedBudget Recommended, DrainResult Result)
{
    /// <summary>How the app's own preStop hooks ended; not in the report when there are none.</summary>
    public IReadOnlyList<AppHookResult> Hooks { get; init; } = [];

    /// <summary>The kubelet reads at most this much of a termination message.</summary>
    private const int MessageLimit = 4096;
    private static readonly TimeSpan WriteLimit = TimeSpan.FromSeconds(1);
    private const string MessagePath = "/dev/termination-log";

    /// <summary>The report as one line of JSON without its line feed.</summary>
    public string ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("event", "termination_report");
            json.WriteString("trigger", TriggerName(Trigger));
            json.WriteString("started_at", StartedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
            Seconds(json, "linger_s", Linger);
            Seconds(json, "drain_s", Drain);
            Seconds(json, "total_s", Total);
            Seconds(json, "last_new_connection_s", Log.LastConnection - T0);
            Seconds(json, "last_request_s", Log.LastRequest - T0);
            Seconds(json, "last_byte_s", Log.LastByte - T0);
            json.WriteNumber("served_while_terminating", Log.Served);
            json.WriteNumber("in_flight_at_start", Log.InFlightAtStart);
            json.WriteStartObject("lost");
            foreach (var reason in Enum.GetValues<LossReason>()) json.WriteNumber(LossName(reason), Log.LostBy(reason));
            json.WriteEndObject();
            json.WriteNumber("cut_in_flight", Log.CutInFlight);
            json.WriteStartObject("streams_closed");
            foreach (var kind in Enum.GetValues<StreamKind>()) json.WriteNumber(kind.ToString().ToLowerInvariant(), Log.StreamsClosed(kind));
            json.WriteEndObject();
            json.WriteStartObject("recommended");
            Seconds(json, "linger_s", Recommended.Linger);
            Seconds(json, "quiet_s", Recommended.Quiet);
            Seconds(json, "grace_s", Recommended.Grace);
            json.WriteEndObject();
            if (Hooks.Count > 0) WriteHooks(json);
            json.WriteString("result", Result.ToString().ToLowerInvariant());
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void WriteHooks(Utf8JsonWriter json)
    {
        json.WriteStartArray("app_prestop");
        foreach (var hook in Hooks)
        {
            json.WriteStartObject();
            json.WriteString("url", AppHookCalls.Shown(hook));
            if (hook.Problem is null) json.WriteNumber("status", hook.Status);
            else json.WriteString("error", hook.Problem);
            Seconds(json, "took_s", hook.Took);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    /// <summary>Writes the line to standard output and to the termination message where there is one. A full disk loses the line, nothing else.</summary>
    public async Task Write(ILogger log, TimeProvider time)
    {
        var line = ToJson();
        // A pipe that nobody reads blocks the writer for ever: on a thread of its own, and not for longer than the limit.
        var toOutput = Task.Run(() => WriteToOutput(line));
        try
        {
            await toOutput.WaitAsync(WriteLimit, time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or TimeoutException)
        {
            log.LogWarning("Termination report not written to standard output: {Reason}", e.Message);
        }

        WriteMessage(line, log);
    }

    private static void WriteToOutput(string line)
    {
        using var output = Console.OpenStandardOutput();
        output.Write(Encoding.UTF8.GetBytes(line + "\n"));
        output.Flush();
    }

    private static void WriteMessage(string line, ILogger log)
    {
        try
        {
            if (!File.Exists(MessagePath)) return;
            var bytes = Encoding.UTF8.GetBytes(line);
            using var file = new FileStream(MessagePath, FileMode.Open, FileAccess.Write);
            file.Write(bytes.AsSpan(0, Math.Min(bytes.Length, MessageLimit)));
            if (file.CanSeek) file.SetLength(Math.Min(bytes.Length, MessageLimit));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            log.LogWarning("Termination report not written to the termination message: {Reason}", e.Message);
        }
    }

    public static string TriggerName(Trigger trigger) => trigger == Trigger.NodeNotice ? "node-notice" : trigger.ToString().ToLowerInvariant();

    public static string LossName(LossReason reason) => reason switch
    {
        LossReason.LateAfterClose => "late_after_close",
        LossReason.CutAtDeadline => "cut_at_deadline",
        LossReason.AppGone => "app_gone",
        LossReason.HoldExhausted => "hold_exhausted",
        _ => "reset_by_us",
    };

    private static void Seconds(Utf8JsonWriter json, string name, TimeSpan? value)
    {
        if (value is { } time) json.WriteNumber(name, Math.Round(time.TotalSeconds, 3));
        else json.WriteNull(name);
    }
}
