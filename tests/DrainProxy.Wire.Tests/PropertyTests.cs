using System.Text.RegularExpressions;
using DrainProxy.Wire.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;

namespace DrainProxy.Wire.Tests;

/// <summary>
/// Valid messages, and messages with broken bytes. A strict reader beside the proxy says which requests stand in the bytes; the app must see
/// these, in order and with equal bodies, up to where the proxy refuses, and nothing else. The same messages each time, so that a build is
/// judged by what it changed; WIRE_CASES=30000 tries as many others, for as long as one has time.
/// </summary>
public sealed class PropertyTests(WireProxy proxy)
{
    /// <summary>Where the default run begins; any odd or even number does.</summary>
    private const ulong Seed = 9112;
    private static readonly bool IsLong = Environment.GetEnvironmentVariable("WIRE_CASES") is { Length: > 0 };
    private static readonly int Cases = int.TryParse(Environment.GetEnvironmentVariable("WIRE_CASES"), out var cases) ? cases : 400;

    [Fact]
    public void Valid_requests_all_reach_the_app() => Holds(MessageGenerator.Valid, Cases / 2, async (conversation, lane) =>
    {
        var (received, requests) = await Exchange(conversation.Bytes, lane);
        if (received.Malformed is { } problem) return problem;
        var expected = Reference(conversation.Bytes);
        if (expected.Count != conversation.Messages.Count) return "the generator makes what its reader refuses";
        if (!ClosesEarly(expected) && requests.Count != expected.Count) return $"{requests.Count} of {expected.Count} requests: {WireCase.Show(received.Raw)}";
        return null;
    });

    [Fact]
    public void Mutated_requests_are_a_prefix_of_what_a_strict_reader_sees() =>
        Holds(MessageGenerator.Mutated, Cases, async (conversation, lane) => (await Exchange(conversation.Bytes, lane)).Received.Malformed);

    [Fact]
    public void Mutated_answers_never_take_the_place_of_others() => Holds(MessageGenerator.MutatedAnswers, Cases, async (conversation, lane) =>
    {
        const string Two = "GET /first HTTP/1.1\r\nHost: a.test\r\n\r\nGET /follow HTTP/1.1\r\nHost: a.test\r\n\r\n";
        // The app ends the connection: an answer without its end is then known to be none.
        var sighting = lane.App.Record(WireCase.Scripted(conversation.Bytes + "{fin}"));
        var received = await RawClient.Exchange(lane.Port, Two, ["GET", "GET"], untilEnd: false, leave: false);
        if (received.Malformed is not null) return "malformed answer: " + received.Malformed;
        if (sighting.Faults.Count > 0) return "the app got what is no request: " + sighting.Faults[0];
        if (received.Finals.Count < 2 && !received.Ended) return "neither answered nor ended: " + WireCase.Show(received.Raw);
        if (received.Finals.Count == 2 && received.Finals[1].Body != "GET /follow") return "/follow got " + WireCase.Show(received.Raw);
        return await After(lane);
    });

    /// <summary>Sends, and holds the app's view against the reference; the client ends its half, so that nobody waits for more.</summary>
    private static async Task<(Received Received, IReadOnlyList<Message> Requests)> Exchange(string bytes, Lane lane)
    {
        var sighting = lane.App.Record(null);
        var expected = Reference(bytes);
        var methods = expected.Select(e => e.Method).Append("GET").ToList();
        var received = await RawClient.Exchange(lane.Port, bytes, methods, untilEnd: true, leave: true);
        var requests = sighting.Requests;
        var problem = Compare(expected, requests, received, sighting) ?? await After(lane);
        return (problem is null ? received : received with { Malformed = problem }, requests);
    }

    private static string? Compare(List<Message> expected, IReadOnlyList<Message> seen, Received received, Sighting sighting)
    {
        if (received.Malformed is not null) return "malformed answer: " + received.Malformed;
        if (sighting.Faults.Count > 0) return "the app got what is no request: " + sighting.Faults[0];
        if (!received.Ended) return "the connection did not end: " + WireCase.Show(received.Raw);
        if (seen.Count > expected.Count) return $"the app has seen {seen.Count} requests where {expected.Count} are: {WireCase.Show(seen[^1].StartLine)}";
        for (var i = 0; i < seen.Count; i++)
        {
            if (seen[i].Method != expected[i].Method || seen[i].Target != Origin(expected[i].Target)) return "another request: " + WireCase.Show(seen[i].StartLine);
            if (seen[i].Body != expected[i].Body) return "another body: " + WireCase.Show(seen[i].Body);
            if (Nominated(expected[i]).FirstOrDefault(seen[i].Has) is { } name) return "nominated and passed: " + name;
        }

        // An own refusal is the last that is said.
        var refusal = received.Finals.ToList().FindIndex(f => f.Has("Proxy-Status") && f.Status is 400 or 501 or 505);
        return refusal >= 0 && refusal < received.Finals.Count - 1 ? "an answer behind a refusal" : null;
    }

    private static async Task<string?> After(Lane lane)
    {
        lane.App.Record(null);
        var after = await RawClient.Exchange(lane.Port, "GET /after HTTP/1.1\r\nHost: after.test\r\n\r\n", ["GET"], untilEnd: false, leave: false);
        return after.Finals is [{ Body: "GET /after" }] ? null : "a plain GET afterwards got " + WireCase.Show(after.Raw);
    }

    /// <summary>Requests that a strict reader finds one behind the other, up to the first fault. Chunk extensions, empty lines and HTTP/1.0 are no fault.</summary>
    private static List<Message> Reference(string bytes)
    {
        var requests = new List<Message>();
        try
        {
            while (true)
            {
                while (bytes.StartsWith("\r\n", StringComparison.Ordinal)) bytes = bytes[2..];
                if (Messages.Request(bytes, lenient: true) is not var (request, length)) break;
                requests.Add(request);
                bytes = bytes[length..];
            }
        }
        catch (MalformedException)
        {
            // What stands behind a fault is nothing.
        }

        return requests;
    }

    private static bool ClosesEarly(List<Message> requests) => requests.Any(r => r.Has("Connection"));

    /// <summary>What known-gaps.txt has a case for is not found anew.</summary>
    private static bool IsListed(string problem) =>
        (problem.Contains("not one Host", StringComparison.Ordinal) && Corpus.KnownGaps.ContainsKey("host-leading-dot"))
        || (problem.Contains("Interim", StringComparison.Ordinal) && Corpus.KnownGaps.ContainsKey("? interim-status-short"));

    private static string Origin(string target) => Regex.Replace(target, "^https?://[^/?#]*(?=[/?]|$)", "", RegexOptions.IgnoreCase) is { Length: > 0 } path ? path : "/";

    private static IEnumerable<string> Nominated(Message request) =>
        request.Values("Connection").SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries)).Where(n => n.StartsWith("X-", StringComparison.OrdinalIgnoreCase));

    private void Holds(Gen<Conversation> conversations, int cases, Func<Conversation, Lane, Task<string?>> check) =>
        Prop.ForAll(Arb.From(conversations, MessageGenerator.Shrink), conversation =>
        {
            var problem = proxy.Use(lane => check(conversation, lane)).GetAwaiter().GetResult();
            if (problem is not null && IsListed(problem)) problem = null;
            return (problem is null).Label(problem ?? "");
        }).Check(Limited(cases));

    private static Config Limited(int cases)
    {
        var config = Config.QuickThrowOnFailure.WithQuietOnSuccess(true).WithMaxTest(cases);
        return IsLong ? config : config.WithReplay(Seed, (Seed * 2) + 1);
    }
}
