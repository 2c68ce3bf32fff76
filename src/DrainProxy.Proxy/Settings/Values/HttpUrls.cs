namespace DrainProxy.Proxy.Settings.Values;

/// <summary>Text of URLs that DrainProxy itself calls.</summary>
internal static class HttpUrls
{
    /// <summary>Null, or what is wrong: HTTP only, without what is never sent or would be a secret in a setting.</summary>
    public static string? Parse(string text, out Uri? uri)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out uri) || uri.Scheme is not ("http" or "https") || uri.Host.Length == 0 || text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            return "not a URL";
        if (uri.UserInfo.Length > 0) return "user information does not belong here";
        return uri.Fragment.Length > 0 ? "a fragment does not belong here" : null;
    }
}
