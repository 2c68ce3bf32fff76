using DrainProxy.Decisions.Framing;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of the app's own hooks: a URL, its header fields in the lines below it, then the next URL.</summary>
internal static class AppHooks
{
    public const string Forms = "http://LOOPBACK:PORT/PATH or https://…, lines NAME: VALUE below it for header fields; several one below the other";

    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^\s*https?://\S";

    /// <summary>Null, or what is wrong.</summary>
    public static string? Parse(string text, out IReadOnlyList<AppHook> hooks)
    {
        var found = new List<AppHook>();
        hooks = found;
        foreach (var line in text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0))
        {
            if (line.StartsWith("http://", StringComparison.Ordinal) || line.StartsWith("https://", StringComparison.Ordinal))
            {
                if (Problem(line, out var address) is { } problem) return problem;
                found.Add(new(address!, []));
                continue;
            }

            if (found.Count == 0) return "does not begin with http:// or https://";
            var colon = line.IndexOf(':');
            if (colon < 0 || !FieldChars.IsName(line.AsSpan(0, colon))) return "a line below the URL is no header field NAME: VALUE";
            if (line.Any(char.IsControl)) return "a header field holds control characters";
            found[^1] = found[^1] with { Fields = [.. found[^1].Fields, (line[..colon], line[(colon + 1)..].Trim())] };
        }

        return found.Count == 0 ? "no URL" : null;
    }

    /// <summary>The app is in this pod, and the hook may hold a secret: it goes nowhere else.</summary>
    private static string? Problem(string text, out Uri? address)
    {
        if (HttpUrls.Parse(text, out address) is { } problem) return problem;
        return Loopback.Is(address!.Host) ? null : "the host is not a loopback address";
    }
}
