using System.Text.Json;

namespace DrainProxy.Scenarios.Tests.Harness;

/// <summary>What Chromium's network stack says that it did (`--log-net-log`), once the browser has ended.</summary>
internal sealed class BrowserLog
{
    /// <summary>ERR_FAILED: the connection that a request was given to was told to go away before the request's stream was made.</summary>
    public const int Failed = -2;

    private readonly List<JsonElement> events;
    private readonly HashSet<int> sending;

    public BrowserLog(string file)
    {
        // A line for the constants, one that opens the list, then one an event; the browser need not have got to the end of it.
        var lines = File.ReadLines(file).Select(l => l.TrimEnd(',')).ToList();
        var types = Parse(lines[0] + "}")!.Value.GetProperty("constants").GetProperty("logEventTypes").EnumerateObject();
        sending = [.. types.Where(t => t.Name.StartsWith("HTTP_TRANSACTION_", StringComparison.Ordinal) && t.Name.Contains("SEND", StringComparison.Ordinal)).Select(t => t.Value.GetInt32())];
        if (sending.Count == 0) throw new InvalidOperationException("The log knows no event of a request that is sent.");
        events = [.. lines.Skip(2).Select(Parse).OfType<JsonElement>()];
    }

    /// <summary>A request for this URL ended with the error, and nothing of any request for it was ever sent: what was stands before its end.</summary>
    public bool NeverSentFor(string url, int error)
    {
        var requests = events.Where(e => Text(e, "url") == url).Select(Source).ToHashSet();
        var theirs = events.Where(e => requests.Contains(Source(e))).ToList();
        return theirs.Any(e => Number(e, "net_error") == error) && !theirs.Any(e => sending.Contains(e.GetProperty("type").GetInt32()));
    }

    private static JsonElement? Parse(string line)
    {
        try
        {
            return JsonDocument.Parse(line).RootElement;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static int Source(JsonElement of) => of.GetProperty("source").GetProperty("id").GetInt32();

    private static string? Text(JsonElement of, string name) =>
        of.TryGetProperty("params", out var all) && all.ValueKind == JsonValueKind.Object && all.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static int? Number(JsonElement of, string name) =>
        of.TryGetProperty("params", out var all) && all.ValueKind == JsonValueKind.Object && all.TryGetProperty(name, out var value) ? value.GetInt32() : null;
}
