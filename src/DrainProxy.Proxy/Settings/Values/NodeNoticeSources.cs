namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of who is asked whether the node goes.</summary>
internal static class NodeNoticeSources
{
    public const string Forms = "none, aws, gcp, azure (aws=http://HOST:PORT: its metadata service is there), or http://… or https://… to ask yourself";

    /// <summary>What the schema says of the text.</summary>
    public const string Pattern = @"^(none|aws|gcp|azure|(aws|gcp|azure)=https?://[^/\s]+/?|https?://[^/\s]\S*)$";

    /// <summary>Null, or what is wrong.</summary>
    public static string? Parse(string text, out NodeNoticeSource? source)
    {
        source = null;
        if (text == "none") return null;
        if (text.StartsWith("http://", StringComparison.Ordinal) || text.StartsWith("https://", StringComparison.Ordinal))
            return HttpUrls.Parse(text, out var url) ?? Take(new(NodeProvider.Url, url), out source);
        var (name, address) = text.IndexOf('=') is var at and >= 0 ? (text[..at], text[(at + 1)..]) : (text, null);
        NodeProvider? known = name switch { "aws" => NodeProvider.Aws, "gcp" => NodeProvider.Gcp, "azure" => NodeProvider.Azure, _ => null };
        if (known is not { } provider) return "not a source";
        if (address is null) return Take(new(provider), out source);
        if (HttpUrls.Parse(address, out var uri) is { } problem) return problem;
        return uri!.PathAndQuery == "/" ? Take(new(provider, uri), out source) : "a path does not belong here";
    }

    private static string? Take(NodeNoticeSource taken, out NodeNoticeSource? source)
    {
        source = taken;
        return null;
    }
}
