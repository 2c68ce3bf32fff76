using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;

namespace DrainProxy.Commands;

/// <summary>The commands, and what happens to a command line that is none.</summary>
internal static class CommandTable
{
    public static async Task<int> InvokeAsync(string[] args)
    {
        var root = CreateRoot();
        var result = Parse(root, args);
        if (args.Length == 0)
        {
            // Nothing was asked for: what could be asked for, and a code that no script takes for success.
            await Parse(root, ["--help"]).InvokeAsync(Invocation(Console.Error));
            return ExitCodes.Usage;
        }

        if (result.Errors.Count > 0)
            return Refuse(result);
        return await result.InvokeAsync(Invocation(Console.Out));
    }

    internal static RootCommand CreateRoot()
    {
        var root = new RootCommand("DrainProxy stands in front of an app and gives every request that reached the pod its answer.")
        {
            RunCommand.Create(),
            DevCommand.Create(),
            DemoCommand.Create(),
            DemoCommand.CreateApp(),
            InjectCommand.Create(),
            InjectCommand.CreateInverse(),
            LintCommand.Create(),
            PlanCommand.Create(),
            WebhookCommand.Create(),
            SignalCommand.Create(),
            ConfigCommand.Create(),
        };
        foreach (var option in root.Options)
        {
            if (option is HelpOption help)
            {
                // A value may well be the path /h.
                help.Aliases.Remove("/h");
                help.Aliases.Remove("/?");
                help.Description = "show help";
            }
            else if (option is VersionOption version)
            {
                version.Description = "show the version";
                version.Action = new VersionAction();
            }
        }

        return root;
    }

    // Values such as @name are values here, not files with more arguments, and -abc is no bundle.
    internal static ParseResult Parse(RootCommand root, IReadOnlyList<string> args) =>
        root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });

    private static int Refuse(ParseResult result)
    {
        // A command that is not one is told as such; that one is missing is then no news.
        var errors = result.Errors.Where(e => result.UnmatchedTokens.Count == 0 || e.SymbolResult is not CommandResult || e.Message.Contains('\'', StringComparison.Ordinal));
        foreach (var message in errors.Select(Describe).Distinct())
            Console.Error.WriteLine($"drainproxy: {message}");
        var command = string.Join(' ', CommandPath(result.CommandResult));
        Console.Error.WriteLine($"Try '{command} --help'.");
        return ExitCodes.Usage;
    }

    private static string Describe(ParseError error)
    {
        var message = error.Message.TrimEnd('.');
        return message.Length == 0 ? "wrong command line" : char.ToLowerInvariant(message[0]) + message[1..];
    }

    private static IEnumerable<string> CommandPath(SymbolResult? result) =>
        result is CommandResult command ? CommandPath(command.Parent).Append(command.Parent is null ? "drainproxy" : command.Command.Name) : [];

    // Signals belong to the drain: the parser's own handler would end the process after two seconds.
    private static InvocationConfiguration Invocation(TextWriter output) =>
        new() { ProcessTerminationTimeout = null, EnableDefaultExceptionHandler = false, Output = output };
}
