using System.CommandLine;
using DrainProxy.Proxy.Settings;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Commands;

/// <summary>`--node-notice` of the commands that make sidecars: the setting that these get.</summary>
internal static class NodeNoticeOption
{
    private const string Name = "node-notice";

    public static Option<string?> Create() => new("--" + Name) { Description = "whom the sidecars ask whether their node goes, as run does [none]", HelpName = "SOURCE" };

    /// <summary>What the sidecars are told; null: nothing.</summary>
    public static string? Read(string? given, List<SettingError> errors)
    {
        if (given is null or "none") return null;
        if (NodeNoticeSources.Parse(given, out _) is { } problem) errors.Add(new(Name, "command line", given, problem, NodeNoticeSources.Forms));
        return given;
    }
}
