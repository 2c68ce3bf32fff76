using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>Tells an invalid configuration, all of it.</summary>
internal static class ConfigurationErrors
{
    public static int Print(IReadOnlyList<SettingError> errors, IReadOnlyList<string> warnings)
    {
        foreach (var warning in warnings)
            Console.Error.WriteLine($"drainproxy: warning: {warning}");
        Console.Error.WriteLine($"drainproxy: invalid configuration, {errors.Count} {(errors.Count == 1 ? "error" : "errors")}:");
        foreach (var error in errors)
            Console.Error.WriteLine($"  {error}");
        return ExitCodes.Configuration;
    }
}
