using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Webhook;

/// <summary>
/// Warnings as kubectl shows them to whoever creates the pod. The API server may cut each at 256 bytes and asks for no more than 120 characters
/// (Kubernetes' page on admission webhooks, "Response"), so longer ones go over several.
/// </summary>
internal static class AdmissionWarnings
{
    public const int Longest = 120;

    /// <summary>All together the API server passes 4,096 bytes on; 20 lines of plain text stay below.</summary>
    public const int Most = 20;

    private const string First = "drainproxy: ";
    private const string Next = "drainproxy: … ";

    public static List<string> Of(IEnumerable<string> texts)
    {
        var warnings = texts.SelectMany(Split).Take(Most + 1).ToList();
        if (warnings.Count <= Most) return warnings;
        warnings[Most - 1] = First + "there is more: `drainproxy inject` on the manifest prints all of it";
        return warnings[..Most];
    }

    private static IEnumerable<string> Split(string text)
    {
        var rest = Printable.Of(text);
        for (var prefix = First; rest.Length > 0; prefix = Next)
        {
            var room = Longest - prefix.Length;
            var end = rest.Length <= room ? rest.Length : rest.LastIndexOf(' ', room) is > 0 and var space ? space : Whole(rest, room);
            yield return prefix + rest[..end];
            rest = rest[end..].TrimStart(' ');
        }
    }

    /// <summary>Not between the two halves of a character.</summary>
    private static int Whole(string text, int end) => char.IsHighSurrogate(text[end - 1]) ? end - 1 : end;
}
