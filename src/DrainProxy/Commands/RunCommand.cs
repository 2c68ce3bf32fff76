using System.CommandLine;
using DrainProxy.Composition;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>`drainproxy run`: the sidecar.</summary>
internal static class RunCommand
{
    private const string Name = "run";

    public static Command Create()
    {
        var command = new Command(Name, "the sidecar in front of an app (also the image's default)");
        var options = SettingOptions.AddTo(command);
        command.SetAction((result, _) => RunAsync(options.Read(result), dev: false));
        return command;
    }

    /// <summary>The options of a plain `run …`, or null when it is another command or not plain.</summary>
    public static Dictionary<string, IReadOnlyList<string>>? TryReadPlain(string[] args) =>
        args is [Name, ..] ? PlainArguments.TryRead(args.AsSpan(1)) : null;

    public static async Task<int> RunAsync(IReadOnlyDictionary<string, IReadOnlyList<string>> options, bool dev)
    {
        var bound = SettingsBinder.Bind(options, SettingsBinder.ReadEnvironment(), dev: dev);
        if (bound.Settings is null)
            return ConfigurationErrors.Print(bound.Errors, bound.Warnings);
        return await ProxyHost.RunAsync(bound.Settings, bound.Warnings);
    }
}
