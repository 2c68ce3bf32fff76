using System.CommandLine;
using DrainProxy.Kubernetes.Manifests;

namespace DrainProxy.Commands;

/// <summary>`-f FILE|DIR|-`, repeatable, or the same as plain arguments; what several commands that read manifests take.</summary>
internal sealed class ManifestArguments
{
    private readonly Option<string[]> files = new("--filename", "-f")
    {
        Description = "a manifest, a folder of manifests, or - for standard input; repeatable",
        HelpName = "FILE|DIR|-",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Argument<string[]> plain = new("FILE|DIR|-") { Description = "the same without -f", Arity = ArgumentArity.ZeroOrMore };

    private ManifestArguments()
    {
    }

    /// <param name="command">The command.</param>
    /// <param name="unless">An option with which no manifest is needed.</param>
    public static ManifestArguments AddTo(Command command, Option? unless = null)
    {
        var added = new ManifestArguments();
        command.Add(added.files);
        command.Add(added.plain);
        command.Validators.Add(result =>
        {
            if ((unless is null || result.GetResult(unless) is null) && result.GetResult(added.files) is null && result.GetResult(added.plain) is not { Tokens.Count: > 0 })
                result.AddError("no manifest given: name a file, a folder, or '-' for standard input");
        });
        return added;
    }

    /// <summary>Reads and parses all that was named; else tells what hinders it.</summary>
    /// <returns>null after a message on standard error; the exit code is then <see cref="ExitCodes.Usage"/>.</returns>
    public List<Manifest>? Read(ParseResult result)
    {
        try
        {
            string[] paths = [.. result.GetValue(files) ?? [], .. result.GetValue(plain) ?? []];
            return [.. paths.SelectMany(path => ManifestText.Read(path, Console.OpenStandardInput, ManifestLimits.Default))
                .SelectMany(text => Manifest.Parse(text, ManifestLimits.Default))];
        }
        catch (ManifestException e)
        {
            Console.Error.WriteLine($"drainproxy: {e.Message}");
            return null;
        }
    }
}
