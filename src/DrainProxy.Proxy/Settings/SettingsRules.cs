using System.Net;
using DrainProxy.Proxy.Settings.Values;

namespace DrainProxy.Proxy.Settings;

/// <summary>Rules between settings. Each is silent when a value that it builds on is wrong already: one mistake, one error.</summary>
internal static class SettingsRules
{
    public static void Check(Binding bound, ProxySettings settings, Func<string, IReadOnlyList<IPAddress>> resolve)
    {
        MapInsteadOfListenAndApp(bound);
        Budget(bound, settings);
        Recycling(bound, settings);
        TlsRules.Check(bound, settings);
        ListenerRules.Check(bound, settings, resolve);
    }

    private static void MapInsteadOfListenAndApp(Binding bound)
    {
        if (!bound.IsSet("map"))
            return;
        foreach (var other in (string[])["listen", "app"])
        {
            if (bound.IsSet(other))
                bound.Broken([other], null, "--map stands instead of --listen and --app, and both are set", "either --map, or --listen and --app");
        }
    }

    /// <summary>What the user fixes must fit into grace; what he leaves open is the planner's to cut.</summary>
    private static void Budget(Binding bound, ProxySettings settings)
    {
        if (bound.IsBad("grace"))
            return;
        var grace = Duration.Format(settings.Grace);
        foreach (var (name, value, mayFill) in Parts(settings))
        {
            if (!bound.IsSet(name) || bound.IsBad(name) || value is not { } part || (mayFill ? part <= settings.Grace : part < settings.Grace))
                continue;
            var bounds = mayFill ? $"at most --grace ({grace})" : $"less than --grace ({grace})";
            bound.Broken([name, "grace"], Duration.Format(part), $"--{name} does not fit into --grace {grace}", bounds);
        }

        if (bound.IsBad("linger") || bound.IsBad("app-stop") || settings is not { Linger: { } linger, AppStop: { } appStop })
            return;
        if (linger + appStop >= settings.Grace)
        {
            var both = $"{Duration.Format(linger)} + {Duration.Format(appStop)}";
            bound.Broken(["linger", "app-stop"], both, $"--linger and --app-stop leave nothing of --grace {grace} to drain in", $"less than --grace ({grace}) together");
        }
    }

    /// <summary>An app is replaced while requests wait, by what its memory says: without either it would do harm, or never happen.</summary>
    private static void Recycling(Binding bound, ProxySettings settings)
    {
        if (settings.RecycleAt == 0 || bound.IsBad("recycle-at"))
            return;
        if (!bound.IsBad("hold-timeout") && !bound.IsBad("hold-max") && (settings.HoldTimeout == TimeSpan.Zero || settings.HoldMax == 0))
            bound.Broken(["recycle-at", "hold-timeout", "hold-max"], null, "--recycle-at restarts the app while requests are held, and nothing is held", "off, or --hold-timeout and --hold-max above 0");
        if (!bound.IsBad("memory-source") && settings.MemorySource.Kind == MemorySourceKind.None)
            bound.Broken(["recycle-at", "memory-source"], null, "--recycle-at goes by the app's memory, and --memory-source none does not look at it", "off, or another --memory-source");
    }

    private static (string Name, TimeSpan? Value, bool MayFill)[] Parts(ProxySettings settings) =>
    [
        ("linger", settings.Linger, false),
        ("app-stop", settings.AppStop, false),
        ("announce-delay", settings.AnnounceDelay, false),
        ("quiet", settings.Quiet, false),
        ("drain-timeout", settings.DrainTimeout, true),
    ];
}
