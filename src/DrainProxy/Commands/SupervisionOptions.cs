using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.RegularExpressions;
using DrainProxy.Composition;
using DrainProxy.Decisions.Supervising;
using DrainProxy.Proxy.Settings;

namespace DrainProxy.Commands;

/// <summary>What `dev` knows beside the settings: the app that it starts.</summary>
internal sealed partial class SupervisionOptions
{
    private readonly Argument<string[]> command = new("COMMAND")
    {
        Arity = ArgumentArity.ZeroOrMore,
        Description = "after --: starts the app, with its port in PORT, and restarts it when it ends or changes",
    };

    private readonly Option<string[]> portVariable = new("--app-port-env")
    {
        Description = "environment variable that tells the app its port [PORT]",
        HelpName = "NAME",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> watch = new("--watch")
    {
        Description = "files whose change replaces the app, repeatable: * and ? within a name, ** for folders [none]",
        HelpName = "GLOB",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private SupervisionOptions()
    {
    }

    public static SupervisionOptions AddTo(Command dev)
    {
        var added = new SupervisionOptions();
        dev.Add(added.portVariable);
        dev.Add(added.watch);
        dev.Add(added.command);
        dev.Validators.Add(added.Check);
        return added;
    }

    /// <summary>The app to start, or null when none was named.</summary>
    /// <param name="problem">What is wrong with it.</param>
    public StartedApp? Read(ParseResult result, BindResult bound, out SupervisionProblem? problem)
    {
        problem = null;
        var dashes = result.Tokens.Any(t => t.Type == TokenType.DoubleDash);
        if (result.GetValue(command) is not { Length: > 0 } words)
        {
            if (dashes) problem = new("a command is missing after --");
            return null;
        }

        var variable = result.GetValue(portVariable)?.LastOrDefault() ?? "PORT";
        // `dev stray` is more likely a slip than a command.
        if (!dashes)
            problem = new($"unrecognized command or argument '{words[0]}'; a command to start stands after --");
        else if (!VariableName().IsMatch(variable))
            problem = new(new SettingError("app-port-env", "command line", variable, "not the name of a variable", "letters, digits and _, no digit first"));
        else if (bound.Settings!.Ports.Count > 1 || bound.Settings.Ports[0].App.Scheme is AppScheme.Unix)
            problem = new(new SettingError("map", "settings", null, "dev starts one app behind one listener", "--app with a host and a port"));
        else if (!IsProgram(words[0]))
            problem = new($"{words[0]}: command not found");
        // Where the app is was said: then it has that one place, and cannot be there twice.
        var isFixed = bound.Origins.Any(o => o.Name is "app" or "map" && !o.IsDefault);
        return new(words, variable, isFixed, [.. (result.GetValue(watch) ?? []).Select(g => new PathGlob(g))]);
    }

    private void Check(CommandResult found)
    {
        var words = found.GetResult(command)?.Tokens ?? [];
        if (words.Count == 0 && (found.GetResult(watch) is not null || found.GetResult(portVariable) is not null))
            found.AddError("--watch and --app-port-env need a command to start: dev -- COMMAND");
    }

    private static bool IsProgram(string name)
    {
        if (name.Contains('/', StringComparison.Ordinal)) return File.Exists(name);
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        return path.Split(':').Any(folder => File.Exists(Path.Combine(folder.Length == 0 ? "." : folder, name)));
    }

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]*$")]
    private static partial Regex VariableName();
}

/// <summary>What is wrong with the app to start: a slip on the command line, or a bad value.</summary>
internal sealed record SupervisionProblem(string? Slip, SettingError? Value)
{
    public SupervisionProblem(string slip) : this(slip, null)
    {
    }

    public SupervisionProblem(SettingError value) : this(null, value)
    {
    }

    /// <summary>Tells it; returns the exit code.</summary>
    public int Print()
    {
        if (Value is not null) return ConfigurationErrors.Print([Value], []);
        Console.Error.WriteLine($"drainproxy: {Slip}");
        return ExitCodes.Usage;
    }
}
