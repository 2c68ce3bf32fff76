using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Kubernetes.Injection;

/// <summary>What a container does before its SIGTERM.</summary>
internal enum HookKind
{
    None,

    /// <summary>The sleep action, `sleep N`, or a shell that only sleeps.</summary>
    Sleep,
    HttpGet,
    Exec,

    /// <summary>tcpSocket, which Kubernetes takes and never runs, or nothing known.</summary>
    Other,
}

/// <summary>Reads preStop hooks.</summary>
internal static partial class Hooks
{
    private static readonly string[] Shells = ["sh", "bash", "ash", "dash"];

    public static (HookKind Kind, TimeSpan Sleep) PreStop(JsonObject container)
    {
        if (container.Object("lifecycle").Object("preStop") is not { Count: > 0 } hook) return (HookKind.None, TimeSpan.Zero);
        if (hook.Object("sleep") is { } sleep) return (HookKind.Sleep, TimeSpan.FromSeconds(Math.Clamp(sleep.Whole("seconds") ?? 0, 0, 1_000_000)));
        if (hook.Object("httpGet") is not null) return (HookKind.HttpGet, TimeSpan.Zero);
        if (hook.Object("exec") is not { } exec) return (HookKind.Other, TimeSpan.Zero);
        return SleepOf(Command(exec)) is { } time ? (HookKind.Sleep, time) : (HookKind.Exec, TimeSpan.Zero);
    }

    public static string[] Command(JsonObject exec) => [.. (exec["command"] as JsonArray ?? []).Select(part => part.AsText() ?? "")];

    public static bool IsShell(string program) => Shells.Contains(Path.GetFileName(program));

    /// <summary>How long a command sleeps when it does nothing else; null when it does.</summary>
    public static TimeSpan? SleepOf(string[] command)
    {
        if (command is [var program, .. var times] && Path.GetFileName(program) == "sleep") return Sum([.. times]);
        if (command is not [var shell, .. var options, var script] || !IsShell(shell) || options.Length == 0 || !options[^1].EndsWith('c')
            || !options.All(o => ShellOption().IsMatch(o)))
            return null;
        var total = TimeSpan.Zero;
        var parts = Separators().Split(script).Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        foreach (var part in parts)
        {
            var words = part.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SkipWhile(w => w == "exec").ToList();
            if (words is ["true" or ":"] or ["exit", "0"]) continue;
            if (words is not [var first, .. var rest] || Path.GetFileName(first) != "sleep" || Sum([.. rest]) is not { } time) return null;
            total += time;
        }

        return parts.Count > 0 ? total : null;
    }

    private static TimeSpan? Sum(List<string> times)
    {
        var total = TimeSpan.Zero;
        foreach (var text in times)
        {
            var match = Time().Match(text);
            if (!match.Success) return null;
            var unit = match.Groups[2].Value switch { "m" => 60, "h" => 3600, "d" => 86400, _ => 1 };
            total += TimeSpan.FromSeconds(Math.Min(double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) * unit, 1_000_000));
        }

        return times.Count > 0 ? total : null;
    }

    [GeneratedRegex(@"^([0-9]+(?:\.[0-9]+)?)([smhd]?)\z")]
    private static partial Regex Time();

    [GeneratedRegex("^-[a-z]+\\z")]
    private static partial Regex ShellOption();

    [GeneratedRegex(@"[;\n]|&&")]
    private static partial Regex Separators();
}
