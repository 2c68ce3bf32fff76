using System.Collections;
using System.Net;
using System.Net.Sockets;

namespace DrainProxy.Proxy.Settings;

/// <summary>
/// The one place where text becomes <see cref="ProxySettings"/>: command line over environment over file over default. Every value of every
/// source is checked, also one that a stronger source overrides, so that one run shows all mistakes.
/// </summary>
public static class SettingsBinder
{
    public const string EnvironmentPrefix = "DRAINPROXY_";

    /// <summary>The variables of this process that concern DrainProxy.</summary>
    public static IReadOnlyDictionary<string, string> ReadEnvironment()
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            if (entry.Key is string name && name.StartsWith(EnvironmentPrefix, StringComparison.Ordinal))
                found[name] = (string?)entry.Value ?? "";
        }

        return found;
    }

    /// <param name="commandLine">Option name without dashes, and its values in order.</param>
    /// <param name="environment">Variables; those without the prefix are not looked at.</param>
    /// <param name="configPath">The file; null: as the command line or the environment says.</param>
    /// <param name="dev">Defaults of `dev`: listeners on the loopback address.</param>
    public static BindResult Bind(
        IReadOnlyDictionary<string, IReadOnlyList<string>> commandLine, IReadOnlyDictionary<string, string> environment, string? configPath = null, bool dev = false)
        => Bind(commandLine, environment, configPath, dev, ResolveHost);

    internal static BindResult Bind(
        IReadOnlyDictionary<string, IReadOnlyList<string>> commandLine,
        IReadOnlyDictionary<string, string> environment,
        string? configPath,
        bool dev,
        Func<string, IReadOnlyList<IPAddress>> resolve)
    {
        var bound = new Binding(commandLine, environment, configPath, dev);
        foreach (var row in OptionsTable.Rows)
            bound.Take(row);
        var settings = bound.Settle();
        SettingsRules.Check(bound, settings, resolve);
        return new(bound.Errors.Count == 0 ? settings : null, bound.Errors, bound.Warnings, bound.Origins);
    }

    /// <summary>
    /// The admin listener alone, for the command that speaks to a running sidecar: it runs inside the time of termination, so neither
    /// certificates nor names are looked at.
    /// </summary>
    public static (ListenAddress? Admin, IReadOnlyList<SettingError> Errors) BindAdmin(
        IReadOnlyDictionary<string, IReadOnlyList<string>> commandLine, IReadOnlyDictionary<string, string> environment)
    {
        var bound = new Binding(commandLine, environment, configPath: null, dev: false);
        bound.Take(OptionsTable.Find("admin")!);
        var errors = bound.Errors.Where(e => e.Key is "admin" or OptionsTable.ConfigName).ToList();
        return (errors.Count == 0 ? bound.Settle().Admin : null, errors);
    }

    private static IPAddress[] ResolveHost(string host)
    {
        try
        {
            return Dns.GetHostAddresses(host);
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
