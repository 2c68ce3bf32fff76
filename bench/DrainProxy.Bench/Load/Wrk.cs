using System.Text.RegularExpressions;
using DrainProxy.Bench.Processes;

namespace DrainProxy.Bench.Load;

/// <summary>Closed-loop load by wrk: as many requests as the connections can get through.</summary>
internal static partial class Wrk
{
    public static readonly Tool Tool = new("wrk", "wrk");

    public static async Task<WrkResult> Run(int port, int connections, double seconds, string? processors)
    {
        // wrk takes whole seconds only.
        var duration = (int)Math.Ceiling(seconds);
        var launch = new Launch(Tool.Path!, "-t1", $"-c{connections}", $"-d{duration}s", $"http://127.0.0.1:{port}/").On(processors);
        var output = await Child.Capture(TimeSpan.FromSeconds(duration + 15), launch) ?? throw new PeerException("wrk failed");
        var requests = long.Parse(Group(Requests(), output) ?? throw new PeerException($"wrk printed no count: {output}"));
        var perSecond = double.Parse(Group(PerSecond(), output) ?? "0");
        var failed = Errors().Match(output) is { Success: true } errors ? errors.Groups.Values.Skip(1).Sum(count => long.Parse(count.Value)) : 0;
        return new WrkResult(requests, perSecond, failed + long.Parse(Group(Refused(), output) ?? "0"));
    }

    private static string? Group(Regex regex, string text) => regex.Match(text) is { Success: true } match ? match.Groups[1].Value : null;

    [GeneratedRegex(@"(\d+) requests in")]
    private static partial Regex Requests();

    [GeneratedRegex(@"Requests/sec:\s+([\d.]+)")]
    private static partial Regex PerSecond();

    [GeneratedRegex(@"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")]
    private static partial Regex Errors();

    [GeneratedRegex(@"Non-2xx or 3xx responses: (\d+)")]
    private static partial Regex Refused();
}

internal sealed record WrkResult(long Requests, double PerSecond, long Failed);
