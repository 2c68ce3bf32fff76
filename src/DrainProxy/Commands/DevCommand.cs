using System.CommandLine;
using DrainProxy.Composition;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>`drainproxy dev`: the same proxy on a developer's machine, on loopback unless told otherwise; it may start the app, too; a second signal cuts at once.</summary>
internal static class DevCommand
{
    public static Command Create()
    {
        var command = new Command("dev", "the proxy on its own on a developer's machine; with -- COMMAND it starts, watches and restarts the app");
        var options = SettingOptions.AddTo(command, dev: true);
        var supervision = SupervisionOptions.AddTo(command);
        command.SetAction((result, _) =>
        {
            var bound = SettingsBinder.Bind(options.Read(result), SettingsBinder.ReadEnvironment(), dev: true);
            if (bound.Settings is null) return Task.FromResult(ConfigurationErrors.Print(bound.Errors, bound.Warnings));
            var app = supervision.Read(result, bound, out var problem);
            return problem is null ? ProxyHost.RunAsync(bound.Settings, bound.Warnings, app) : Task.FromResult(problem.Print());
        });
        return command;
    }
}
