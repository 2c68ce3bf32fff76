using System.Text;

namespace DrainProxy.Wire.Tests.Harness;

/// <summary>Runs one case on a lane and says what is wrong; null when all is as it has to be.</summary>
internal static class CaseRunner
{
    private const string Follow = "GET /follow HTTP/1.1\r\nHost: follow.test\r\n\r\n";
    private const string After = "GET /after HTTP/1.1\r\nHost: after.test\r\n\r\n";
    private static readonly string[] OfOneHop = ["Keep-Alive", "Proxy-Connection", "HTTP2-Settings", "Proxy-Authenticate"];

    public static async Task<string?> Run(WireCase test, Lane lane)
    {
        var sighting = lane.App.Record(test);
        var leaves = test.Expectations.Any(e => e.Ending == Ending.Unfinished);
        var bytes = test.Alone || leaves ? test.Send : test.Send + Follow;
        List<string> methods = [.. Enumerable.Repeat(MethodOf(test.Send), test.Requests), .. test.Alone || leaves ? Array.Empty<string>() : ["GET"]];
        var untilEnd = test.Expectations.All(e => e.Ending is Ending.Refused or Ending.RefusedLate or Ending.PassedClose or Ending.PassedThenRefused or Ending.Cut or Ending.Unfinished);
        var received = await RawClient.Exchange(lane.Port, bytes, methods, untilEnd, leaves);
        var seen = sighting.Requests.Count;
        var after = await RawClient.Exchange(lane.Port, After, ["GET"], untilEnd: false, leave: false);

        var problems = test.Expectations.Select(e => Judge(test, e, received, sighting, seen)).ToList();
        var wrong = problems.Contains(null) ? null : string.Join(" | ", problems);
        if (wrong is null && (after.Finals.Count != 1 || after.Finals[0].Body != "GET /after")) wrong = "a plain GET afterwards got: " + WireCase.Show(after.Raw);
        return wrong is null ? null : Report(test, wrong, bytes, received, sighting);
    }

    private static string MethodOf(string send)
    {
        var method = send.TrimStart('\r', '\n').Split(' ')[0];
        return Messages.IsToken(method) ? method : "GET";
    }

    private static string? Judge(WireCase test, Expectation expected, Received received, Sighting sighting, int seen)
    {
        if (received.Malformed is not null) return "malformed answer: " + received.Malformed;
        if (sighting.Faults.Count > 0) return "the app got what is no request: " + sighting.Faults[0];
        var requests = sighting.Requests;
        if (requests.Count == 0 || requests[^1].Target != "/after") return "the last request is not /after";
        var own = requests.Take(requests.Count - 1).ToList();
        if (OneHop(own) is { } leaked) return leaked;
        return expected.Ending switch
        {
            Ending.Refused or Ending.RefusedLate => Refused(expected, received, sighting, own),
            Ending.Passed => Passed(test, expected, received, own, seen),
            Ending.PassedClose => PassedClose(test, expected, received, own),
            Ending.PassedThenRefused => PassedThenRefused(test, expected, received, own),
            Ending.Own => Own(test, expected, received, own),
            Ending.BadAnswer => BadAnswer(test, expected, received, own),
            Ending.Cut => Cut(test, expected, received, own),
            _ => Unfinished(received, own),
        };
    }

    private static string? Refused(Expectation expected, Received received, Sighting sighting, List<Message> own)
    {
        if (own.Count > 0) return "the app has seen " + WireCase.Show(own[0].StartLine);
        if (expected.Ending == Ending.Refused && sighting.Bytes.Any(b => !b.StartsWith("GET /after ", StringComparison.Ordinal)))
            return "the app has seen a part of it: " + WireCase.Show(string.Concat(sighting.Bytes));
        if (!received.Ended) return "the connection was not closed";
        if (received.Rest.Length > 0) return "bytes that are no answer: " + WireCase.Show(received.Rest);
        if (received.Finals.Count == 0 && expected.Ending == Ending.RefusedLate) return null;
        if (received.Finals.Count != 1) return $"{received.Finals.Count} answers";
        return IsOurs(received.Finals[0], expected.Statuses) ?? SaysClose(received.Finals[0]);
    }

    private static string? Passed(WireCase test, Expectation expected, Received received, List<Message> own, int seen)
    {
        var count = test.Requests + (test.Alone ? 0 : 1);
        if (own.Count != count) return $"the app has seen {own.Count} requests, not {count}";
        if (seen != own.Count) return "the app has seen a request after the last answer";
        if (!test.Alone && own[^1].StartLine != "GET /follow HTTP/1.1") return "the app has not seen /follow last";
        if (received.Finals.Count != count) return $"{received.Finals.Count} answers, not {count}; ended: {received.Ended}";
        if (!test.Alone && received.Finals[^1].Body != "GET /follow") return "/follow got another answer: " + WireCase.Show(received.Finals[^1].Body);
        return Whole(test, expected, received, own[0]);
    }

    private static string? PassedClose(WireCase test, Expectation expected, Received received, List<Message> own)
    {
        if (own.Count != test.Requests) return $"the app has seen {own.Count} requests, not {test.Requests}";
        if (!received.Ended) return "the connection was not closed";
        if (received.Reset) return "the connection was reset";
        if (received.Finals.Count != test.Requests) return $"{received.Finals.Count} answers";
        return Whole(test, expected, received, own[0]);
    }

    private static string? PassedThenRefused(WireCase test, Expectation expected, Received received, List<Message> own)
    {
        if (own.Count != test.Requests) return $"the app has seen {own.Count} requests, not {test.Requests}";
        if (!received.Ended) return "the connection was not closed";
        if (received.Finals.Count != test.Requests + 1) return $"{received.Finals.Count} answers";
        return IsOurs(received.Finals[^1], expected.Statuses) ?? SaysClose(received.Finals[^1]);
    }

    private static string? Own(WireCase test, Expectation expected, Received received, List<Message> own)
    {
        var count = test.Alone ? 0 : 1;
        if (own.Count != count) return $"the app has seen {own.Count} requests, not {count}";
        if (received.Finals.Count != count + 1) return $"{received.Finals.Count} answers";
        if (!expected.Statuses.Contains(received.Finals[0].Status)) return "status " + received.Finals[0].StartLine;
        if (received.Finals[0].Status >= 400 && IsOurs(received.Finals[0], expected.Statuses) is { } wrong) return wrong;
        return OfAnswer(test, received);
    }

    private static string? BadAnswer(WireCase test, Expectation expected, Received received, List<Message> own)
    {
        if (own.Count == 0) return "the app has seen nothing";
        if (received.Finals.Count == 0) return "no answer";
        if (IsOurs(received.Finals[0], expected.Statuses) is { } wrong) return wrong;
        if (received.Finals.Count > 1 && received.Finals[1].Body != "GET /follow") return "/follow got another answer: " + WireCase.Show(received.Finals[1].Body);
        if (received.Finals.Count < 2 && !received.Ended && !test.Alone) return "/follow was not answered";
        return OfAnswer(test, received);
    }

    /// <summary>The status line may stand; its message must not look whole.</summary>
    private static string? Cut(WireCase test, Expectation expected, Received received, List<Message> own)
    {
        if (own.Count == 0) return "the app has seen nothing";
        if (!received.Ended) return "the connection was not closed";
        if (received.Finals.Count > 0) return "an answer looks whole: " + received.Finals[0].StartLine;
        foreach (var lacks in test.All("answer-raw-lacks"))
        {
            if (received.Raw.Contains(lacks, StringComparison.Ordinal)) return "the answer holds " + WireCase.Show(lacks);
        }

        return null;
    }

    private static string? Unfinished(Received received, List<Message> own)
    {
        if (own.Count > 0) return "the app has seen a whole request: " + WireCase.Show(own[0].StartLine);
        if (!received.Ended) return "the connection was not closed";
        return received.Finals.Any(f => f.Status is < 400 or > 499) ? "answered " + received.Finals[0].StartLine : null;
    }

    private static string? Whole(WireCase test, Expectation expected, Received received, Message request)
    {
        var statuses = expected.Statuses.Length > 0 ? expected.Statuses : [200];
        if (!statuses.Contains(received.Finals[0].Status)) return "status: " + received.Finals[0].StartLine;
        return OfApp(test, request) ?? OfAnswer(test, received);
    }

    private static string? OfApp(WireCase test, Message request) =>
        Lines(test, "app-line", request.StartLine) ?? Check(test, "app", request)
        ?? Trailers(test, "app", request);

    private static string? OfAnswer(WireCase test, Received received)
    {
        var answer = received.Finals[0];
        foreach (var wanted in test.All("interim"))
        {
            if (!received.Interims.Any(i => i.StartLine.StartsWith("HTTP/1.1 " + wanted, StringComparison.Ordinal) || i.Fields.Any(f => $"{f.Name}: {f.Value}" == wanted)))
                return "no interim answer " + wanted;
        }

        foreach (var unwanted in test.All("no-interim"))
        {
            if (received.Interims.Any(i => i.StartLine.StartsWith("HTTP/1.1 " + unwanted, StringComparison.Ordinal))) return "interim answer " + unwanted;
        }

        foreach (var lacks in test.All("answer-raw-lacks"))
        {
            if (received.Raw.Contains(lacks, StringComparison.Ordinal)) return "the answer holds " + WireCase.Show(lacks);
        }

        return Lines(test, "answer-line", answer.StartLine) ?? Check(test, "answer", answer) ?? Trailers(test, "answer", answer);
    }

    private static string? Lines(WireCase test, string key, string line) =>
        test.All(key).FirstOrDefault(l => l != line) is { } wanted ? $"{key} is {WireCase.Show(line)}, not {WireCase.Show(wanted)}" : null;

    private static string? Check(WireCase test, string side, Message message)
    {
        foreach (var wanted in test.All(side + "-has"))
        {
            if (!message.Fields.Any(f => $"{f.Name}: {f.Value}".Equals(wanted, StringComparison.OrdinalIgnoreCase))) return $"{side} has no {WireCase.Show(wanted)}";
        }

        foreach (var wanted in test.All(side + "-list"))
        {
            var name = wanted.Split(':')[0];
            if ($"{name}: {string.Join(", ", message.Values(name))}" != wanted) return $"{side} has {name}: {string.Join(", ", message.Values(name))}";
        }

        // Fields of one name keep their order.
        var order = test.All(side + "-has").Select(w => message.Fields.ToList().FindIndex(f => $"{f.Name}: {f.Value}".Equals(w, StringComparison.OrdinalIgnoreCase)))
            .Select((at, i) => (at, Name: test.All(side + "-has").ElementAt(i).Split(':')[0])).GroupBy(p => p.Name);
        if (order.Any(g => !g.Select(p => p.at).Order().SequenceEqual(g.Select(p => p.at)))) return side + ": order of equal names changed";
        foreach (var unwanted in test.All(side + "-lacks"))
        {
            if (message.Has(unwanted)) return $"{side} has {unwanted}";
        }

        return test.All(side + "-body").FirstOrDefault(b => b != message.Body) is not null ? $"{side} body is {WireCase.Show(message.Body)}" : null;
    }

    private static string? Trailers(WireCase test, string side, Message message)
    {
        foreach (var wanted in test.All(side + "-trailer"))
        {
            if (!message.Trailers.Any(f => $"{f.Name}: {f.Value}".Equals(wanted, StringComparison.OrdinalIgnoreCase))) return $"{side} has no trailer {WireCase.Show(wanted)}";
        }

        foreach (var unwanted in test.All(side + "-no-trailer"))
        {
            if (message.Trailers.Any(f => f.Is(unwanted)) || message.Has(unwanted)) return $"{side} has the trailer {unwanted}";
        }

        return null;
    }

    private static string? IsOurs(Message answer, int[] statuses)
    {
        if (!statuses.Contains(answer.Status)) return "status: " + answer.StartLine;
        if (!answer.Values("Proxy-Status").Any(v => v.StartsWith("drainproxy; error=", StringComparison.Ordinal))) return "no Proxy-Status on " + answer.StartLine;
        return answer.Values("Content-Type").SingleOrDefault() == "application/problem+json" ? null : "no problem document on " + answer.StartLine;
    }

    /// <summary>RFC 9112 section 9.6: who closes after an answer says so in it.</summary>
    private static string? SaysClose(Message answer) =>
        answer.Values("Connection").Any(v => v.Contains("close", StringComparison.OrdinalIgnoreCase)) ? null : "no Connection: close on " + answer.StartLine;

    /// <summary>RFC 9110 section 7.6.1, for every request that any case brings to the app.</summary>
    private static string? OneHop(List<Message> requests)
    {
        foreach (var request in requests)
        {
            if (OfOneHop.FirstOrDefault(request.Has) is { } name) return "the app has seen " + name;
            if (request.Has("Upgrade") && !request.Values("Connection").Any(v => v.Contains("upgrade", StringComparison.OrdinalIgnoreCase)))
                return "the app has seen Upgrade without Connection";
        }

        return null;
    }

    private static string Report(WireCase test, string wrong, string sent, Received received, Sighting sighting)
    {
        var text = new StringBuilder().Append(test.File).Append(", ").Append(test.Name).Append(": ").AppendLine(wrong);
        text.Append("sent: ").AppendLine(WireCase.Show(sent)).Append("received: ").AppendLine(WireCase.Show(received.Raw));
        text.Append("ended: ").Append(received.Ended).Append(", reset: ").Append(received.Reset).AppendLine();
        foreach (var bytes in sighting.Bytes) text.Append("app: ").AppendLine(WireCase.Show(bytes));
        return text.ToString();
    }
}
