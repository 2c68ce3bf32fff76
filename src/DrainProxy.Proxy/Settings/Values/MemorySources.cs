using System.Globalization;

namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of a source of the app's memory.</summary>
internal static class MemorySources
{
    public const string Forms = "auto, cgroup:PATH, pid:N, port, metrics:URL, none, or auto,metrics:URL (the metrics where nothing else can be seen)";

    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^(auto|port|none|cgroup:/.*|pid:[0-9]+|(auto,)?metrics:https?://[^/\s]\S*)$";

    /// <summary>Null, or what is wrong.</summary>
    public static string? Parse(string text, out MemorySource source)
    {
        source = new(MemorySourceKind.Auto);
        var colon = text.IndexOf(':');
        var (kind, value) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        switch (kind)
        {
            case "auto" or "port" or "none" when colon < 0:
                source = new(Enum.Parse<MemorySourceKind>(kind, ignoreCase: true));
                return null;
            case "cgroup" when colon > 0:
                if (value.Length == 0 || value[0] != '/' || value.Contains('\0')) return "not the absolute path of a cgroup's folder";
                source = new(MemorySourceKind.Cgroup, Path: value.Length > 1 ? value.TrimEnd('/') : value);
                return null;
            case "pid" when colon > 0:
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || pid == 0) return "not the id of a process";
                source = new(MemorySourceKind.Pid, Pid: pid);
                return null;
            case "metrics" or "auto,metrics" when colon > 0:
                if (Url(value, out var url) is { } problem) return problem;
                source = new(kind == "metrics" ? MemorySourceKind.Metrics : MemorySourceKind.Auto, Metrics: url);
                return null;
            default:
                return "not a source";
        }
    }

    private static string? Url(string text, out Uri? url)
    {
        url = null;
        if (text.Length == 0) return "the URL of the app's metrics is missing";
        return !text.StartsWith("http://", StringComparison.Ordinal) && !text.StartsWith("https://", StringComparison.Ordinal)
            ? "the URL of the app's metrics does not start with http:// or https://"
            : HttpUrls.Parse(text, out url) is { } problem ? $"the URL of the app's metrics: {problem}" : null;
    }
}
