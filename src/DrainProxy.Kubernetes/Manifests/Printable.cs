namespace DrainProxy.Kubernetes.Manifests;

/// <summary>Names and values come from anywhere; on the terminal of whoever reads them they are text on one line and nothing else.</summary>
internal static class Printable
{
    public static string Of(string text) =>
        text.Any(char.IsControl) ? string.Concat(text.Select(c => char.IsControl(c) ? $"\\u{(int)c:x4}" : c.ToString())) : text;
}
