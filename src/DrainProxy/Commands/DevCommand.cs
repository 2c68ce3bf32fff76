using System.CommandLine;

namespace DrainProxy.Commands;

/// <summary>`drainproxy dev`: the same proxy on a developer's machine, on loopback unless told otherwise; a second signal cuts at once.</summary>
internal static class DevCommand
{
    public static Command Create()
    {
        var command = new Command("dev", "the proxy on its own on a developer's machine");
        var options = SettingOptions.AddTo(command, dev: true);
        // Taken and refused by name, since "unrecognized argument" would leave the reader guessing.
        var supervised = new Argument<string[]>("COMMAND") { Arity = ArgumentArity.ZeroOrMore, Hidden = true };
        command.Add(supervised);
        command.SetAction((result, _) =>
        {
            if (result.GetResult(supervised) is { Tokens.Count: > 0 } given)
            {
                Console.Error.WriteLine($"drainproxy: dev does not start an app in this version ('{given.Tokens[0].Value}'): start it yourself and name its address with --app");
                return Task.FromResult(ExitCodes.Usage);
            }

            return RunCommand.RunAsync(options.Read(result), dev: true);
        });
        return command;
    }
}
